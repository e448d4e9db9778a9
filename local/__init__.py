"""Everything on one machine: the servers, the stand-ins for AWS,
and the Lambda functions behind an HTTP front.
"""
