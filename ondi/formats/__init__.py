"""How dates are written where Django has no format of its own for a language."""
