"""The two ways into an edge: delivery loops that accept (the quick door), or the HTTP server alone. Both must answer alike."""

#: Values of the setting `quick.door`; the default first.
DOORS = ("true", "false")


def door_name(quick_door):
    return "quick" if quick_door == "true" else "front"
