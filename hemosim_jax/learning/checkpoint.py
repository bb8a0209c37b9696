"""Learner states on disk, by orbax: written atomically, the newest two kept."""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import orbax.checkpoint as ocp


class Checkpoints:
    """The checkpoints of one run, in one directory."""

    def __init__(self, directory: str | Path):
        self._directory = Path(directory).resolve()
        options = ocp.CheckpointManagerOptions(
            max_to_keep=2, create=True, enable_async_checkpointing=False
        )
        self._manager = ocp.CheckpointManager(
            self._directory, options=options, item_handlers=ocp.StandardCheckpointHandler()
        )

    def latest(self) -> int | None:
        """The number of updates done at the newest checkpoint."""
        return self._manager.latest_step()

    def save(self, update: int, state: Any) -> None:
        """Writes `state` whole: weights, normalizers, optimizer, patients, key."""
        self._manager.save(update, args=ocp.args.StandardSave(_keys_to_data(state)))

    def restore(self, template: Any) -> Any:
        """The newest state; `template` gives its structure (from `jax.eval_shape`).

        **Raises:** `FileNotFoundError` if there is none, `ValueError` if it cannot be read or was
        written by another configuration.
        """
        update = self.latest()
        if update is None:
            raise FileNotFoundError(f"no checkpoint in {str(self._directory)!r}")
        device = jax.sharding.SingleDeviceSharding(jax.devices()[0])
        as_data = jax.eval_shape(_keys_to_data, template)
        placed = jax.tree.map(
            lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=device), as_data
        )
        self._check_shapes(update, placed)
        try:
            restored = self._manager.restore(update, args=ocp.args.StandardRestore(placed))
        except Exception as error:  # orbax raises many kinds for a damaged or foreign checkpoint
            reason = str(error).strip().split("\n")[0][:200]
            raise ValueError(
                f"checkpoint {update} in {str(self._directory)!r} cannot be read: {reason}"
            ) from None
        return jax.tree.map(_data_to_key, template, restored)

    def _check_shapes(self, update: int, placed: Any) -> None:
        """Says which array does not fit, which orbax would say in a page."""
        try:
            saved = {leaf.name: leaf.shape for leaf in _arrays(self._manager.item_metadata(update))}
        except Exception as error:  # damaged
            raise ValueError(
                f"checkpoint {update} in {str(self._directory)!r} cannot be read: {error}"
            ) from None
        for path, leaf in jax.tree_util.tree_leaves_with_path(placed):
            name = jax.tree_util.keystr(path, simple=True, separator=".")
            if saved.get(name, leaf.shape) != leaf.shape:
                raise ValueError(
                    f"checkpoint {update} in {str(self._directory)!r} was written by another "
                    f"configuration: {name} has shape {saved[name]}, not {leaf.shape}"
                )


def _arrays(metadata: Any) -> list[Any]:
    return [leaf for leaf in jax.tree.leaves(metadata) if hasattr(leaf, "shape")]


def _is_key(leaf: Any) -> bool:
    return jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _keys_to_data(state: Any) -> Any:
    return jax.tree.map(lambda x: jax.random.key_data(x) if _is_key(x) else x, state)


def _data_to_key(template: Any, leaf: Any) -> Any:
    if not _is_key(template):
        return leaf
    return jax.random.wrap_key_data(leaf, impl=jax.random.key_impl(jnp.empty((), template.dtype)))
