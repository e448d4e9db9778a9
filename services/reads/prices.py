"""What a forgotten instance costs an hour, about: enough to see what matters, not an invoice.

AWS's list prices in US dollars for Linux, on demand, in us-east-1; disks, licences, traffic and
discounts are left out. A size costs its multiple of the family's `large`. A type that is not here
has no estimate.
"""

PRICES_AS_OF = "2026-07"
PRICES_ARE = "US dollars, Linux on demand in us-east-1, without disks, licences and traffic"

_LARGE = {
    "t2": 0.0928, "t3": 0.0832, "t3a": 0.0752, "t4g": 0.0672,
    "m5": 0.096, "m5a": 0.086, "m6a": 0.0864, "m6g": 0.077, "m6i": 0.096, "m7g": 0.0816,
    "m7i": 0.1008,
    "c5": 0.085, "c5a": 0.077, "c6a": 0.0765, "c6g": 0.068, "c6i": 0.085, "c7g": 0.0725,
    "c7i": 0.08925,
    "r5": 0.126, "r5a": 0.113, "r6a": 0.1134, "r6g": 0.1008, "r6i": 0.126, "r7g": 0.1071,
    "r7i": 0.1323,
}  # fmt: skip
_SIZES = {
    "nano": 1 / 16,
    "micro": 1 / 8,
    "small": 1 / 4,
    "medium": 1 / 2,
    "large": 1.0,
    "xlarge": 2.0,
}


def hourly_price(instance_type: str) -> float | None:
    """Dollars an hour while it runs; None for a type that the table does not have."""
    family, _, size = instance_type.partition(".")
    large, times = _LARGE.get(family), _SIZES.get(size)
    many = size.removesuffix("xlarge")
    if times is None and size.endswith("xlarge") and many.isascii() and many.isdigit():
        times = 2.0 * int(many)
    return None if large is None or times is None else large * times
