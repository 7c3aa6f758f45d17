#!/usr/bin/env bash
# A virtual environment for each peer:  benchmarks/peers/make_venvs.sh FOLDER [peer ...]
#
# torch comes first, by pip and with its version set, so that a build for the processor alone is taken where the index
# offers one; the peer follows under that constraint, so that it does not bring another.
set -euo pipefail
FOLDER=${1:?usage: make_venvs.sh FOLDER [peer ...]}
shift
PYTHON=${PYTHON:-python3}
TORCH=${TORCH:-2.13.0}
declare -A PACKAGE=(
  [neuralforecast]=neuralforecast
  [darts]="darts[torch]"
  [gluonts]="gluonts[torch]"
  [pytorch_forecasting]=pytorch-forecasting
  [statsforecast]=statsforecast
)
mkdir -p "$FOLDER"
echo "torch==$TORCH" >"$FOLDER/constraints.txt"
for peer in "${@:-${!PACKAGE[@]}}"; do
  [[ -n ${PACKAGE[$peer]:-} ]] || { echo "make_venvs.sh: no peer '$peer'; there are: ${!PACKAGE[*]}" >&2; exit 2; }
  "$PYTHON" -m venv "$FOLDER/$peer"
  pip=("$FOLDER/$peer/bin/python" -m pip install --quiet --disable-pip-version-check -c "$FOLDER/constraints.txt")
  [[ $peer == statsforecast ]] || "${pip[@]}" torch
  "${pip[@]}" "${PACKAGE[$peer]}"
  echo "$peer: $("$FOLDER/$peer/bin/python" -m pip --disable-pip-version-check list --format=freeze | grep -ciE '^[a-z]') packages, $(du -sm "$FOLDER/$peer" | cut -f1) MB"
done
