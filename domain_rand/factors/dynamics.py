"""How bodies and joints respond to forces."""

from __future__ import annotations

from domain_rand.distributions import LogRange, Range
from domain_rand.factor import Factor, register
from tasks.tabletop.reference import GRIP_EFFORT, JOINTS, REFERENCE
from tasks.tabletop.workspace import LEAST_FRICTION, NOMINAL_FRICTION


@register
class ObjectMass(Factor):
    """Mass of every object against nominal; inertia follows, as of the same shape filled with denser stuff."""

    name = "dynamics.object_mass"
    unit = "x nominal"
    nominal = 1.0
    default = LogRange(0.5, 2.0)
    because = "nominal is 0.64 g/cm^3, as printed; from foam, 0.32, to solid plastic, 1.28"
    legal = LogRange(0.05, 20.0)
    setting = "object_mass"


@register
class ObjectInertia(Factor):
    """Rotational inertia of every object against its mass's: the whole tensor, so that it stays a possible one."""

    name = "dynamics.object_inertia"
    unit = "x nominal"
    nominal = 1.0
    default = LogRange(0.7, 1.5)
    because = "filled at the core only, to a shell: a hollow cube has 5/3 of a solid one's"
    legal = LogRange(0.1, 10.0)
    setting = "object_inertia"


@register
class ObjectCenterOfMass(Factor):
    """Displacement of every object's centre of mass along its own axes."""

    name = "dynamics.object_com"
    unit = "m"
    nominal = [0.0, 0.0, 0.0]
    default = Range(-0.004, 0.004)
    because = "a tenth of an object's size: filled unevenly"
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
    because = "plastic on wood to rubber on wood, dry"
    legal = Range(LEAST_FRICTION, 5.0)
    setting = "object_friction"


@register
class ObjectRestitution(Factor):
    """Restitution of an object against table, receptacle or fingers: speed after a bounce over speed before."""

    name = "dynamics.object_restitution"
    unit = "1"
    nominal = 0.0
    default = Range(0.0, 0.3)
    because = "soft plastic and wood; harder things bounce off the table"
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
    because = "a millimetre of cloth, dents, or a print that is too large"
    legal = Range(0.0, 0.003)
    setting = "rest_offset"


@register
class JointFriction(Factor):
    """Coulomb friction of each arm joint."""

    name = "dynamics.joint_friction"
    unit = "N m"
    nominal = 0.0
    default = Range(0.0, 1.0)
    because = "what is identified for the arm's joints: Gaz et al., RA-L 2019, find 0.3 to 1.3"
    legal = Range(0.0, 10.0)
    setting = "joint_friction"


@register
class JointDamping(Factor):
    """Viscous friction of each arm joint, beside the damping of its drive."""

    name = "dynamics.joint_damping"
    unit = "N m s/rad"
    nominal = 0.0
    default = Range(0.0, 10.0)
    because = "up to a fifth of the drive's own: cold grease"
    legal = Range(0.0, 100.0)
    setting = "joint_damping"


@register
class Armature(Factor):
    """Rotor inertia of the arm's motors against nominal."""

    name = "dynamics.armature"
    unit = "x nominal"
    nominal = 1.0
    default = LogRange(0.7, 1.5)
    because = "no number for the Panda is published; its successor's may be off by so much"
    legal = LogRange(0.2, 5.0)
    setting = "armature"


@register
class LinkMass(Factor):
    """Mass of the arm's links at their centres of mass, against nominal; the arm stays gravity compensated."""

    name = "dynamics.link_mass"
    unit = "x nominal"
    nominal = 1.0
    default = LogRange(0.85, 1.2)
    because = "published identifications of the arm differ by so much"
    legal = LogRange(0.3, 3.0)
    setting = "link_mass"


@register
class GripperForce(Factor):
    """Greatest force of a finger."""

    name = "dynamics.gripper_force"
    unit = "N"
    nominal = GRIP_EFFORT
    default = LogRange(10.0, REFERENCE.gripper.effort)
    because = (
        "from a gentle setting, which still holds ten times an object's weight, to all that the hand has"
    )
    legal = LogRange(2.0, 140.0)
    setting = "gripper_force"


@register
class GravityScale(Factor):
    """Strength of gravity against 9.81 m/s^2, as bodies feel it. An arm that compensates gravity feels none."""

    name = "dynamics.gravity_scale"
    unit = "x nominal"
    nominal = 1.0
    default = Range(0.97, 1.03)
    because = "no place on Earth: what weights are known to, 3 %"
    legal = Range(0.0, 3.0)
    setting = "gravity_scale"


@register
class GravityTilt(Factor):
    """Direction of gravity as a rotation vector about x and y, as bodies feel it."""

    name = "dynamics.gravity_tilt"
    unit = "rad"
    nominal = [0.0, 0.0]
    default = Range(-0.02, 0.02)
    because = "as the table's tilt: table and robot out of level together"
    legal = Range(-0.5, 0.5)
    length = 2
    setting = "gravity_tilt"


@register
class JointFrictionEach(Factor):
    """Coulomb friction of each arm joint beside `dynamics.joint_friction`, joint by joint."""

    name = "dynamics.joint_friction_each"
    unit = "N m"
    nominal = [0.0] * JOINTS
    default = Range(0.0, 0.7)
    because = "joints of one arm differ by so much: Gaz et al., RA-L 2019, find 0.3 to 1.3"
    legal = Range(0.0, 10.0)
    length = JOINTS
    setting = "joint_friction_each"


@register
class JointTorque(Factor):
    """What pulls at each arm joint and is not compensated: cables, and errors of gravity compensation."""

    name = "dynamics.joint_torque"
    unit = "N m"
    nominal = [0.0] * JOINTS
    default = Range(-1.0, 1.0)
    because = "a cable with 10 N on a lever of 0.1 m; 4 % of what the arm stretched out weighs at joint 2"
    legal = Range(-10.0, 10.0)
    length = JOINTS
    setting = "joint_torque"


@register
class PayloadError(Factor):
    """Mass at the hand that the arm's gravity compensation does not know of; negative where it knows of too much."""

    name = "dynamics.payload_error"
    unit = "kg"
    nominal = 0.0
    default = Range(-0.1, 0.3)
    because = "a wrist camera with its bracket and cable that was not entered, or one that is gone"
    legal = Range(-1.0, 2.0)
    setting = "payload_error"
