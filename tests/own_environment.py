"""An environment of its own for somebody's package: it sees this one's packages, and this one sees nothing of it."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).parents[1]
HERE = Path(sysconfig.get_path("purelib"))
"""Where what the workbench needs is installed."""
COMMANDS = {
    "workbench": "workbench.cli.main",
    "isaaclab": "isaaclab.__main__",
    "pytest": "pytest",
}
"""Commands that come with the workbench -> where their ``main`` is."""


def make_environment(folder: Path) -> Path:
    """Make it; its Python, beside which `COMMANDS` are."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = folder / "bin" / "python"
    packages = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True, encoding="utf-8", check=True,
    ).stdout.strip()  # fmt: skip
    Path(packages, "workbench_packages.pth").write_text(
        f"import site; site.addsitedir({str(HERE)!r}); site.addsitedir({str(ROOT)!r})\n", "utf-8"
    )
    for name, module in COMMANDS.items():
        script = folder / "bin" / name
        script.write_text(f"#!{python}\nimport sys\nfrom {module} import main\nsys.exit(main())\n", "utf-8")
        script.chmod(0o755)
    return python
