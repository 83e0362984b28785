"""A transplanted environment runs on a node where nothing of the original is left."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests import delivered
from tests.virtual_environment import make_virtual_environment

import htmap

# What a user would run in an environment of their own. The map waits in the queue until the environment is gone.
SCRIPT = """
import sys
from pathlib import Path

import cloudpickle
import delivered
import htmap
from htmap.delivery import transplant

cloudpickle.register_pickle_by_value(delivered)
home, image = sys.argv[1:]
htmap.settings["HTMAP_DIR"] = home
htmap.settings["BACKEND"] = "htcondor"
htmap.settings["DELIVERY_METHOD"] = "transplant"
if image:
    def descriptors(tag, map_dir):
        return {**transplant.descriptors(tag, map_dir), "universe": "docker", "docker_image": image}

    htmap.register_delivery_method("transplant into an image", descriptors, transplant.set_up)
    htmap.settings["DELIVERY_METHOD"] = "transplant into an image"
path = Path(home, "input with space.txt")
path.write_text("some text")
inputs = [(kind, htmap.TransferPath(path)) for kind in ("return", "raise", "checkpoint")]
htmap.starmap(delivered.work, inputs, tag="t", map_options=htmap.MapOptions(hold=True), quiet=True)
print(htmap.transplant_info())
"""


def drive_from_its_own_environment(home: Path, image: str = "") -> dict[str, object]:
    """Submit from an environment, do away with it, and let the map run; what the plain component returned."""
    environment = home / "environment"
    # A script of the user's imports pytest as little as the node does.
    python = make_virtual_environment(environment, "htcondor")
    module = home / "script"
    module.mkdir()
    text = Path(delivered.__file__).read_text().replace("import pytest\n", "")
    (module / "delivered.py").write_text(text)
    done = subprocess.run(
        [python, "-c", SCRIPT, home, image], cwd=module, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Hash")
    environment.rename(home / "gone")
    m = htmap.load("t")
    m.release()
    returned = delivered.look_at(m)
    prefix, executable = str(returned["prefix"]), str(returned["executable"])
    assert prefix.endswith("/_htmap_python/env")
    assert executable.endswith("/_htmap_python/python")
    assert str(returned["runner"]).startswith(prefix.removesuffix("/env") + "/local/")
    return returned


def test_an_environment_that_is_gone_runs_on_a_node(pool_home: Path) -> None:
    drive_from_its_own_environment(pool_home)
