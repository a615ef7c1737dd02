"""Friction of robots' surfaces, which contacts in simulation are made of."""

SURFACE_FRICTION = 0.4
"""Coefficient authored on every robot's links and finger pads [1]. A contact's friction is made of two coefficients;
tasks give the rest of the scene this one too, and choose the objects' so that the contact has the friction wanted: 0.8
nominally at the pads, rubber on plastic."""
