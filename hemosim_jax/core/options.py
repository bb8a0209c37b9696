"""What may be chosen when an environment is made, and how a wrong choice is named."""

from dataclasses import dataclass
from typing import Annotated, Any

DIFFICULTIES = ("easy", "medium", "hard")


@dataclass(frozen=True)
class Choices:
    """Beside the type of an option, as `Annotated[str, Choices(…)]`: the values it may have."""

    allowed: tuple[str, ...]


Difficulty = Annotated[str, Choices(DIFFICULTIES)]


def check_difficulty(difficulty: str) -> None:
    """**Raises:** `ValueError` for another tier than `DIFFICULTIES`."""
    check_choice("difficulty", difficulty, DIFFICULTIES)


def check_choice(option: str, value: Any, allowed: Any) -> None:
    """**Raises:** `ValueError` naming the option unless the value is one of those allowed."""
    if value not in allowed:
        raise ValueError(f"{option} must be one of {', '.join(allowed)}; got {value!r}")


def check_flag(option: str, value: Any) -> None:
    """**Raises:** `ValueError` naming the option unless the value is True or False."""
    if not isinstance(value, bool):
        raise ValueError(f"{option} must be true or false, got {value!r}")
