"""How Python and the runner reach the execute node: one module a method, all registered through the public door."""

from __future__ import annotations

from htmap.delivery import bundle, shared
from htmap.delivery.registry import register_delivery_method

register_delivery_method("bundle", bundle.descriptors, bundle.set_up)
register_delivery_method("shared", shared.descriptors)
