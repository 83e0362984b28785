"""How Python and the runner reach the execute node: one module a method, all registered through the public door.

::

    bundle, assume, shared         the node has Python
    docker, container, singularity an image has it: images (names), preflight (what it declares), image_runner
    transplant                     it travels: environment (what it consists of), transplants (the archives)
    runners, scripts               files that travel;  runner_failures: jobs without a record
"""

from __future__ import annotations

from htmap.delivery import assume, bundle, container, docker, shared, singularity, transplant
from htmap.delivery.registry import register_delivery_method

register_delivery_method("assume", assume.descriptors)
register_delivery_method("bundle", bundle.descriptors, bundle.set_up)
register_delivery_method("container", container.descriptors, container.set_up)
register_delivery_method("docker", docker.descriptors, docker.set_up)
register_delivery_method("shared", shared.descriptors)
register_delivery_method("singularity", singularity.descriptors, singularity.set_up)
register_delivery_method("transplant", transplant.descriptors, transplant.set_up)
