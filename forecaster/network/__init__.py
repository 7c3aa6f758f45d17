"""Networks that forecast: tensors -> tensors. No files, no data frames, no logging."""
