"""The series that the pretrained network learns from."""
