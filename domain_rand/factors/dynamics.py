"""How bodies and joints respond to forces."""

from __future__ import annotations

from domain_rand.distributions import LogRange, Range
from domain_rand.factor import Factor, register
from robots.franka import PANDA
from tasks.pick_place.workspace import LEAST_FRICTION, NOMINAL_FRICTION


@register
class ObjectMass(Factor):
    """Mass of every object against nominal; inertia follows, as of the same shape filled with denser stuff."""

    name = "dynamics.object_mass"
    unit = "x nominal"
    nominal = 1.0
    default = LogRange(0.5, 2.0)
    legal = LogRange(0.05, 20.0)
    setting = "object_mass"


@register
class ObjectInertia(Factor):
    """Rotational inertia of every object against its mass's: the whole tensor, so that it stays a possible one."""

    name = "dynamics.object_inertia"
    unit = "x nominal"
    nominal = 1.0
    default = LogRange(0.7, 1.5)
    legal = LogRange(0.1, 10.0)
    setting = "object_inertia"


@register
class ObjectCenterOfMass(Factor):
    """Displacement of every object's centre of mass along its own axes."""

    name = "dynamics.object_com"
    unit = "m"
    nominal = [0.0, 0.0, 0.0]
    default = Range(-0.004, 0.004)
    legal = Range(-0.012, 0.012)
    length = 3
    setting = "object_com"


@register
class ObjectFriction(Factor):
    """Sliding friction between an object and table, receptacle or fingers: the same on every engine."""

    name = "dynamics.object_friction"
    unit = "1"
    nominal = NOMINAL_FRICTION
    default = Range(0.5, 1.1)
    legal = Range(LEAST_FRICTION, 5.0)
    setting = "object_friction"


@register
class ObjectRestitution(Factor):
    """Restitution of an object against table, receptacle or fingers: speed after a bounce over speed before."""

    name = "dynamics.object_restitution"
    unit = "1"
    nominal = 0.0
    default = Range(0.0, 0.3)
    legal = Range(0.0, 0.5)
    setting = "object_restitution"
    unsupported = {"newton_mjwarp": "MuJoCo's contacts have no coefficient of restitution"}


@register
class RestOffset(Factor):
    """Distance from other surfaces at which objects rest: how much larger they are to the touch than to sight."""

    name = "dynamics.rest_offset"
    unit = "m"
    nominal = 0.0
    default = Range(0.0, 0.001)
    legal = Range(0.0, 0.003)
    setting = "rest_offset"


@register
class JointFriction(Factor):
    """Coulomb friction of each arm joint."""

    name = "dynamics.joint_friction"
    unit = "N m"
    nominal = 0.0
    default = Range(0.0, 1.0)
    legal = Range(0.0, 10.0)
    setting = "joint_friction"


@register
class JointDamping(Factor):
    """Viscous friction of each arm joint, beside the damping of its drive."""

    name = "dynamics.joint_damping"
    unit = "N m s/rad"
    nominal = 0.0
    default = Range(0.0, 10.0)
    legal = Range(0.0, 100.0)
    setting = "joint_damping"


@register
class Armature(Factor):
    """Rotor inertia of the arm's motors against nominal."""

    name = "dynamics.armature"
    unit = "x nominal"
    nominal = 1.0
    default = LogRange(0.7, 1.5)
    legal = LogRange(0.2, 5.0)
    setting = "armature"


@register
class LinkMass(Factor):
    """Mass of the arm's links at their centres of mass, against nominal; the arm stays gravity compensated."""

    name = "dynamics.link_mass"
    unit = "x nominal"
    nominal = 1.0
    default = LogRange(0.85, 1.2)
    legal = LogRange(0.3, 3.0)
    setting = "link_mass"


@register
class GripperForce(Factor):
    """Greatest force of a finger."""

    name = "dynamics.gripper_force"
    unit = "N"
    nominal = PANDA.gripper_force
    default = LogRange(20.0, PANDA.gripper_force)
    legal = LogRange(2.0, 140.0)
    setting = "gripper_force"


@register
class GravityScale(Factor):
    """Strength of gravity against 9.81 m/s^2, as bodies feel it. An arm that compensates gravity feels none."""

    name = "dynamics.gravity_scale"
    unit = "x nominal"
    nominal = 1.0
    default = Range(0.97, 1.03)
    legal = Range(0.0, 3.0)
    setting = "gravity_scale"


@register
class GravityTilt(Factor):
    """Direction of gravity as a rotation vector about x and y, as bodies feel it."""

    name = "dynamics.gravity_tilt"
    unit = "rad"
    nominal = [0.0, 0.0]
    default = Range(-0.02, 0.02)
    legal = Range(-0.5, 0.5)
    length = 2
    setting = "gravity_tilt"
