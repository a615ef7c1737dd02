"""What the cameras must draw so that the factors of a set can change their images."""

from __future__ import annotations

from dataclasses import dataclass, field

from domain_rand.distributions import Choice, Distribution, Fixed
from domain_rand.sets import FactorSet, FactorSetError
from tasks.camera_spec import CameraSpec
from tasks.imaging.lens import overscan_needed


@dataclass(frozen=True)
class ImageNeeds:
    """Demands on the renderer."""

    overscan: dict[str, float] = field(default_factory=dict)
    """Nominal over rendered focal length by camera."""
    shading: bool = False
    """Whether radiance, albedo and normals are needed."""


def image_needs(factor_set: FactorSet | None, *cameras: CameraSpec) -> ImageNeeds:
    """Enough for every value that the set can draw, in all cameras.

    Raises FactorSetError for lenses that no rendering can serve.
    """
    if factor_set is None:
        return ImageNeeds()
    by_name = {factor.name: factor for factor in factor_set.factors}

    def ends(name: str, nominal: float) -> tuple[float, float]:
        factor = by_name.get(name)
        values = [nominal] if factor is None or factor.distribution is None else _ends(factor.distribution)
        return min(values), max(values)

    focal, _ = ends("camera.focal_length", 1.0)
    shift = max(map(abs, ends("camera.principal_point", 0.0)))
    k1 = ends("camera.distortion", 0.0)
    overscan = {}
    for spec in cameras:
        try:
            overscan[spec.name] = overscan_needed(focal, shift, *k1, spec.width, spec.focal_px, spec.height)
        except ValueError as error:
            raise FactorSetError(f"factor set {factor_set.name!r}, {spec.name} camera: {error}") from error
    shading = any(
        factor.name.startswith("appearance.")
        and "newton_warp" not in factor.unsupported
        and factor.unsupported
        for factor in factor_set.factors
    )
    darkest = ends("camera.exposure", 1.0)[0] * min(1.0, ends("camera.exposure_settling", 1.0)[0])
    return ImageNeeds(overscan, shading or darkest < 1.0)


def _ends(distribution: Distribution) -> list[float]:
    if isinstance(distribution, Fixed):
        value = distribution.value
        return list(value) if isinstance(value, list | tuple) else [value]
    assert not isinstance(distribution, Choice), "lenses have numbers"
    return [distribution.lo, distribution.hi]
