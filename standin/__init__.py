"""The emulator of DRS, EC2 and STS: knows nothing of the product."""
