"""The AWS door: what clients of AWS KMS say and expect, translated to operations and back."""
