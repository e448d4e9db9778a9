"""A stand-in for AWS Elastic Disaster Recovery: its state, clock, jobs and events, with no HTTP in
it.

`standin.aws` serves it; `python -m standin.drs` runs both. Facts about the service come from
botocore's service model and from the DRS user guide; what neither says is listed in
standin/README.md.
"""
