"""Misuse seen in telemetry: detectors that give evidence, for people to review. Nothing here cuts anybody off."""
