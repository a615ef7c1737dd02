"""Make the README's pictures from two run folders.

workbench eval episodes=16 num_envs=16 image_size=320 seed=3 out=runs/readme
workbench demo
python -m tools.readme_pictures runs/readme runs/demo-m1-mini
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from workbench.views.viewing import screenshot

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
COLUMNS, CELL, CAPTION = 4, 320, 26


def grid(run: Path) -> Image.Image:
    """The last image of the first 16 episodes, each under its instruction."""
    lines = [json.loads(line) for line in (run / "episodes.jsonl").read_text("utf-8").splitlines()]
    episodes = sorted(lines, key=lambda line: line["index"])[:16]
    rows = -(-len(episodes) // COLUMNS)
    page = Image.new("RGB", (COLUMNS * CELL, rows * (CELL + CAPTION)), "#10151c")
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(15)
    for i, episode in enumerate(episodes):
        x, y = i % COLUMNS * CELL, i // COLUMNS * (CELL + CAPTION)
        draw.text((x + 8, y + 4), episode["instruction"], font=font, fill="#dfe7ef")
        image = Image.open(run / "frames" / "last" / f"{episode['index']:06d}.jpg").resize((CELL, CELL))
        page.paste(image, (x, y + CAPTION))
    return page


def main() -> int:
    """Write both pictures."""
    run, spoken = map(Path, sys.argv[1:])
    IMAGES.mkdir(parents=True, exist_ok=True)
    grid(run).save(IMAGES / "episodes.jpg", quality=85)
    shot = IMAGES / "rerun.png"
    screenshot(spoken, shot, time_s=0.2, size=(1600, 900), episode=0)
    Image.open(shot).convert("RGB").save(IMAGES / "rerun.jpg", quality=85)
    shot.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
