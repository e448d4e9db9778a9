"""Every error of the product stands in one file, and in the tree drawn at its top."""

import inspect
import pkgutil
from importlib import import_module

import cache
import services
from cache import errors


def own_errors() -> dict[str, str]:
    """The module of each exception class that the product's modules define, by its name."""
    found = {}
    for package in (cache, services):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if module.name.endswith("__main__"):
                continue
            for name, value in inspect.getmembers(import_module(module.name), inspect.isclass):
                if issubclass(value, errors.RecoverySyncError):
                    found[name] = value.__module__
    return found


def test_every_error_stands_in_the_one_tree() -> None:
    """No room has errors of its own, so one look says what may be raised."""
    assert {name for name, module in own_errors().items() if module != errors.__name__} == set()


def test_the_tree_is_drawn_as_it_is() -> None:
    """Each error below the one that it is a kind of."""
    drawn: dict[str, str] = {}
    above = [""]
    for line in (errors.__doc__ or "").split("\n\n")[1].splitlines():
        name, depth = line.lstrip("│├└─ ").split()[0], (len(line) - len(line.lstrip("│├└─ "))) // 4
        del above[depth + 1 :]
        drawn[name] = above[depth]
        above.append(name)
    own = [value for _, value in inspect.getmembers(errors, inspect.isclass)
           if value.__module__ == errors.__name__]  # fmt: skip
    parents = {value.__name__: value.__bases__[0].__name__ for value in own}
    assert drawn == parents | {"RecoverySyncError": ""}
