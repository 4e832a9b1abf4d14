"""How each kind of step is carried out: look, act only if needed, look again."""
