"""An HTTP stand-in for DRS, EC2 and STS in one process, built on botocore's own service models.

moto serves the rest of AWS well, but here it would hide faults: it has no DRS, its STS accepts any
role and external id, its EC2 accepts more than 200 filter values, never throttles, and takes 1.4 s
to describe 500 instances.
"""
