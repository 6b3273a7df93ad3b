"""Smooth shapes with soft shading, drawn with Pillow at several times their size."""

import dataclasses
import functools
import math

import numpy
from PIL import Image, ImageDraw, ImageFilter

# Shapes are drawn this many times larger and averaged down: smooth edges.
OVERSAMPLING = 3

Colour = tuple[int, int, int]


@functools.cache
def _spline_basis(steps: int) -> numpy.ndarray:
    """Weights of the four neighbours of a Catmull-Rom segment, (steps, 4)."""
    t = numpy.linspace(0.0, 1.0, steps, endpoint=False)[:, None]
    powers = numpy.hstack([numpy.ones_like(t), t, t**2, t**3])
    matrix = [[0, 2, 0, 0], [-1, 0, 1, 0], [2, -5, 4, -1], [-1, 3, -3, 1]]
    return 0.5 * powers @ numpy.array(matrix, dtype=float)


@functools.cache
def _unit_circle() -> numpy.ndarray:
    t = numpy.linspace(0, 2 * numpy.pi, 28, endpoint=False)
    return numpy.stack([numpy.cos(t), numpy.sin(t)], 1)


def curve(points, closed: bool = True, steps: int = 6) -> numpy.ndarray:
    """Draw a smooth line through points, as points close together, (n, 2)."""
    points = numpy.asarray(points, dtype=float)
    if closed:
        padded = numpy.vstack([points[-1:], points, points[:2]])
    else:
        padded = numpy.vstack([points[:1], points, points[-1:]])
    neighbours = padded[numpy.arange(len(padded) - 3)[:, None] + numpy.arange(4)]
    line = (_spline_basis(steps) @ neighbours).reshape(-1, 2)
    return line if closed else numpy.vstack([line, points[-1:]])


def symmetric(right_half) -> numpy.ndarray:
    """Close an outline from its right half, given from the top to the bottom."""
    right = numpy.asarray(right_half, dtype=float)
    inner = right[1:-1][::-1] * (-1, 1)
    return curve(numpy.vstack([right, inner]))


def ellipse(x: float, y: float, rx: float, ry: float, angle: float = 0.0):
    """Outline of an ellipse turned by `angle` (radians), (28, 2)."""
    c, s = math.cos(angle), math.sin(angle)
    axes = numpy.array([[c * rx, s * rx], [-s * ry, c * ry]])
    return _unit_circle() @ axes + (x, y)


def rectangle(left: float, top: float, right: float, bottom: float):
    """Corners of an upright rectangle, (4, 2)."""
    corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    return numpy.array(corners)


def limb(path, radii) -> numpy.ndarray:
    """Outline of a bent tube with a round end: a leg, a tail, a neck."""
    path = curve(path, closed=False)
    at = numpy.linspace(0, 1, len(radii))
    radius = numpy.interp(numpy.linspace(0, 1, len(path)), at, radii)[:, None]
    along = numpy.gradient(path, axis=0)
    along /= numpy.maximum(numpy.hypot(*along.T)[:, None], 1e-9)
    across = along[:, ::-1] * (-1, 1)
    turn = numpy.linspace(0.5, -0.5, 7)[1:-1, None] * numpy.pi
    cap = path[-1] + radius[-1] * (
        numpy.sin(turn) * across[-1] + numpy.cos(turn) * along[-1]
    )
    left, right = path + radius * across, path - radius * across
    return numpy.vstack([left, cap, right[::-1]])


def fringe(points, amount: float, rng: numpy.random.Generator) -> numpy.ndarray:
    """Give an outline tufts of fur, `amount` long at most, that lean to one side."""
    steps = numpy.hypot(*numpy.diff(points, axis=0).T)
    walked = numpy.concatenate([[0.0], numpy.cumsum(steps)])
    count = max(8, int(walked[-1] / 0.085))
    at = numpy.linspace(0, walked[-1], count)
    even = numpy.stack([numpy.interp(at, walked, axis) for axis in points.T], 1)
    along = numpy.gradient(even, axis=0)
    along /= numpy.maximum(numpy.hypot(*along.T)[:, None], 1e-9)
    outward = along[:, ::-1] * (1, -1)
    tuft = numpy.where(numpy.arange(count) % 2, 1.0, -0.3)
    tuft[[0, -1]] = 0
    length = amount * tuft * rng.uniform(0.3, 1.0, count)
    return even + (outward + 0.5 * along) * length[:, None]


class Canvas:
    """An image in the making: colours, and a grey layer of light and shade.

    Args:
        size: Side of the finished square image, pixels.
        light: Direction the light comes from, (x, y), length at most 1.
        contrast: Depth of the shading, 0 (flat) to 1.
    """

    def __init__(self, size: int, light: tuple[float, float], contrast: float):
        self.size = size
        self.side = size * OVERSAMPLING
        self.light = numpy.array(light)
        self.contrast = contrast
        self.colour = Image.new("RGB", (self.side, self.side))
        # 128 leaves a colour as it is.
        self.shade = Image.new("L", (self.side, self.side), 128)
        self.brush = ImageDraw.Draw(self.colour)
        self.shade_brush = ImageDraw.Draw(self.shade)

    def paint(self, xy: numpy.ndarray, colour: Colour) -> None:
        """Fill a polygon given in canvas pixels with one colour."""
        self.brush.polygon(xy.ravel().tolist(), fill=colour)

    def paint_texture(self, xy: numpy.ndarray, texture: Image.Image, at) -> None:
        """Fill a polygon with a piece of a texture whose corner is `at`, 0 to 1."""
        low = numpy.clip(numpy.floor(xy.min(0)), 0, self.side).astype(int)
        high = numpy.clip(numpy.ceil(xy.max(0)) + 1, 0, self.side).astype(int)
        width, height = (high - low).tolist()
        if width < 1 or height < 1:
            return
        x = int(low[0] + at[0] * (texture.width - self.side))
        y = int(low[1] + at[1] * (texture.height - self.side))
        mask = Image.new("L", (width, height))
        ImageDraw.Draw(mask).polygon((xy - low).ravel().tolist(), fill=255)
        piece = texture.crop((x, y, x + width, y + height))
        self.colour.paste(piece, tuple(low.tolist()), mask)

    def round_off(self, xy: numpy.ndarray, darkness=0.0, tube=False) -> None:
        """Shade a shape as a ball, or as a tube: dark rim, bright towards the light."""
        # The outline of a tube runs down one side and back up the other.
        centre = (xy + xy[::-1]) / 2 if tube else xy.mean(0)
        shift = self.light * numpy.abs(xy - centre).mean() * 0.7
        for inset, value in ((1.0, -0.34), (0.9, -0.14), (0.74, 0.0), (0.5, 0.1)):
            level = 128 * (1 + self.contrast * value - darkness)
            inner = centre + (xy - centre) * inset + shift * (1 - inset)
            self.shade_brush.polygon(inner.ravel().tolist(), fill=int(level))

    def line(self, xy: numpy.ndarray, width: float, colour: Colour) -> None:
        """Draw a line of a width in finished pixels."""
        pixels = max(1, round(width * OVERSAMPLING))
        self.brush.line(xy.ravel().tolist(), fill=colour, width=pixels, joint="curve")

    def finish(self, softness: float) -> numpy.ndarray:
        """Average down and light the image; (size, size, 3), 0 to 255, float32."""
        colour = numpy.asarray(self.colour.reduce(OVERSAMPLING), dtype=numpy.float32)
        shade = self.shade.reduce(OVERSAMPLING)
        shade = shade.filter(ImageFilter.GaussianBlur(softness))
        return colour * (numpy.asarray(shade, dtype=numpy.float32)[:, :, None] / 128)


@dataclasses.dataclass(frozen=True)
class Pen:
    """Draws on a canvas in its own units: where it is, how large, how turned.

    Attributes:
        canvas: What it draws on.
        matrix: Its two axes in canvas pixels, (2, 2).
        origin: Its zero point in canvas pixels, (2,).
        outline: Width of the contour lines, finished pixels; 0 draws none.
    """

    canvas: Canvas
    matrix: numpy.ndarray
    origin: numpy.ndarray
    outline: float = 0.0

    def at(self, x=0.0, y=0.0, *, angle=0.0, scale=1.0, mirror=False) -> "Pen":
        """Return a pen moved to (x, y), turned (radians), scaled, mirrored."""
        c, s = numpy.cos(angle) * scale, numpy.sin(angle) * scale
        local = numpy.array([[c, -s], [s, c]])
        if mirror:
            local = local @ numpy.diag([-1.0, 1.0])
        origin = self.origin + self.matrix @ (x, y)
        return dataclasses.replace(self, matrix=self.matrix @ local, origin=origin)

    def place(self, points) -> numpy.ndarray:
        """Turn points of this pen into canvas pixels, (n, 2)."""
        return numpy.asarray(points) @ self.matrix.T + self.origin

    def fill(self, points, colour: Colour) -> None:
        """Fill a flat shape."""
        self.canvas.paint(self.place(points), colour)

    def solid(self, points, fill, rim: Colour, darkness=0.0, tube=False) -> None:
        """Draw a rounded shape and its contour; a tube stays open at its root.

        Args:
            points: Outline, (n, 2).
            fill: A colour, or a texture and where in it to take a piece.
            rim: Colour of the contour.
            darkness: Shade over the whole shape, 0 to 1.
            tube: Whether the outline is that of a limb.
        """
        xy = self.place(points)
        if isinstance(fill[0], Image.Image):
            self.canvas.paint_texture(xy, *fill)
        else:
            self.canvas.paint(xy, fill)
        self.canvas.round_off(xy, darkness, tube)
        if self.outline:
            contour = xy if tube else numpy.vstack([xy, xy[:2]])
            self.canvas.line(contour, self.outline, rim)

    def shadow(self, points, value: int) -> None:
        """Darken what is drawn so far inside a shape; 128 leaves it as it is."""
        self.canvas.shade_brush.polygon(self.place(points).ravel().tolist(), value)

    def line(self, points, width: float, colour: Colour) -> None:
        """Draw a line of a width in this pen's units."""
        scale = numpy.sqrt(abs(numpy.linalg.det(self.matrix))) / OVERSAMPLING
        self.canvas.line(self.place(points), width * scale, colour)
