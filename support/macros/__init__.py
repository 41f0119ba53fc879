"""Macros: several actions of `support/actions.py` under one name, done to a ticket in one go, all or nothing.

`steps.py`: what they are and doing them; `undo.py`: what takes that back; `uses.py`: people who use them.
"""

from support.macros.steps import (
    IN_MACROS,
    apply_steps,
    arguments_of,
    checked_steps,
    macro_of,
    parameters_of,
    step_refusal,
)
from support.macros.undo import Step, undo_steps
from support.macros.uses import carry_out, settle, take_back_macros, use_macro

__all__ = [
    "IN_MACROS",
    "Step",
    "apply_steps",
    "arguments_of",
    "carry_out",
    "checked_steps",
    "macro_of",
    "parameters_of",
    "settle",
    "step_refusal",
    "take_back_macros",
    "undo_steps",
    "use_macro",
]
