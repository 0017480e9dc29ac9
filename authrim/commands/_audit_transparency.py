"""``authrim audit checkpoint``, ``prove``, ``prove-consistency`` and ``checkpoint-key``: what outsiders can verify.

Only hashes come out of these commands, so no question is recorded.
"""

from base64 import b64encode
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeVar

import click
from rich.text import Text

from authrim.audit.timeline import time_of
from authrim.audit.tree import TreeFollower
from authrim.commands._administering import Office, administer
from authrim.commands._common import emit
from authrim.crypto.signed_note import COSIGNATURE, BrokenNote, cosigned_at
from authrim.store.read_back import SignedCheckpoint
from authrim.transparency.background import made_of
from authrim.transparency.checkpoints import Checkpoints, OpenedCheckpoint
from authrim.transparency.proofs import prove_consistency as consistency_of
from authrim.transparency.proofs import prove_inclusion
from authrim.transparency.state_file import StateUnusable
from authrim.transparency.witnesses import UnusableWitness
from domain.errors import Refusal, invalid_request
from domain.tree.hashing import entry_of
from domain.tree.proofs import MissingTile, verify_inclusion
from domain.units import MICROSECONDS

T = TypeVar("T")

NOT_SIGNED: Final = invalid_request(
    "No checkpoint has been signed yet.", hint="Sign one with: authrim audit checkpoint --sign"
)
NOT_COVERED: Final = invalid_request(
    "The newest checkpoint does not reach this position, or the log does not.",
    hint="Sign a checkpoint with: authrim audit checkpoint --sign",
)
NOT_A_SIZE: Final = invalid_request(
    "The log has never been of these sizes.",
    hint="Name the smaller size first, and no size after the last position.",
)
_BROKEN: Final = (
    "The proof does not hold: the event, the tree or the checkpoint was altered. "
    "Run authrim audit verify, and authrim projections verify."
)


@click.command("checkpoint")
@click.option("--sign", is_flag=True, help="Sign a new one first, if the log has grown.")
@click.pass_context
def checkpoint(context: click.Context, *, sign: bool) -> None:
    """Show the newest checkpoint of the log, verified: its size, its root, and who signed it.

    The checkpoint is a C2SP signed note. Store it elsewhere: a later log that does not continue it was altered.
    """

    async def work(office: Office) -> dict[str, Any] | Refusal:
        checkpoints = checkpoints_of(office)
        newest = await (checkpoints.sign() if sign else checkpoints.newest())
        if newest is None:
            return NOT_SIGNED
        opened = await checkpoints.opened(newest.note)
        size = await TreeFollower(office.store).catch_up()
        continued = await checkpoints.continues(opened.checkpoint, size)
        return _described(newest, opened, office.settings.witness_quorum, continued=continued)

    data = administered(context, work)
    emit(context, data, _text(data))
    if not data["continued"]:
        context.exit(1)


@click.command("prove")
@click.argument("position", type=click.IntRange(1))
@click.pass_context
def prove(context: click.Context, position: int) -> None:
    """Prove that the event at POSITION is in the log of the newest checkpoint.

    Prints a proof in the format of C2SP tlog-proof, which holds the checkpoint too. The entry that it is about is the
    leaf hash of the event and its time, as in docs/audit/transparency.md; with --json it is printed as well.
    """

    async def work(office: Office) -> dict[str, Any] | Refusal:
        checkpoints = checkpoints_of(office)
        newest = await checkpoints.newest()
        if newest is None:
            return NOT_SIGNED
        leaf = await office.store.tree.leaf(position)
        if leaf is None or position > newest.size:
            return NOT_COVERED
        opened = await checkpoints.opened(newest.note)
        proof = await prove_inclusion(office.store.tree, position - 1, newest.size)
        if not verify_inclusion(position - 1, newest.size, leaf.hash, proof, opened.checkpoint.root):
            raise click.ClickException(_BROKEN)
        return {
            "position": position,
            "index": position - 1,
            "size": newest.size,
            "entry": entry_of(leaf.leaf, leaf.recorded_at).hex(),
            "leaf": leaf.hash.hex(),
            "proof": _encoded(proof),
            "checkpoint": newest.note,
        }

    data = administered(context, work)
    lines = ["c2sp.org/tlog-proof@v1", f"index {data['index']}", *data["proof"], "", data["checkpoint"]]
    emit(context, data, Text("\n".join(lines).rstrip("\n")))


@click.command("prove-consistency")
@click.argument("earlier", type=click.IntRange(0))
@click.argument("later", type=click.IntRange(0))
@click.pass_context
def prove_consistency(context: click.Context, earlier: int, later: int) -> None:
    """Prove that the log of EARLIER events is the beginning of the log of LATER events.

    Both are sizes, as in the second line of a checkpoint. Prints both roots, and the hashes of the proof
    (RFC 9162 §2.1.4).
    """

    async def work(office: Office) -> dict[str, Any] | Refusal:
        if later > await TreeFollower(office.store).catch_up() or earlier > later:
            return NOT_A_SIZE
        proved = await consistency_of(office.store.tree, earlier, later)
        if not proved.holds:
            raise click.ClickException(_BROKEN)
        return {
            "earlier": {"size": earlier, "root": _encoded([proved.old_root])[0]},
            "later": {"size": later, "root": _encoded([proved.root])[0]},
            "proof": _encoded(proved.proof),
        }

    data = administered(context, work)
    heads = [f"{name:<8} {data[name]['size']} {data[name]['root']}" for name in ("earlier", "later")]
    emit(context, data, Text("\n".join([*heads, *data["proof"]])))


@click.command("checkpoint-key")
@click.option("--new", is_flag=True, help="Make a new key, which signs from now on.")
@click.pass_context
def checkpoint_key(context: click.Context, *, new: bool) -> None:
    """Show the key that signs checkpoints, as a verifier key for witnesses and auditors. It signs nothing else.

    The key is made when it is needed first. Earlier keys stay known, so earlier checkpoints still verify.
    """

    async def work(office: Office) -> dict[str, Any] | Refusal:
        keys = checkpoints_of(office).keys
        if new:
            made = await keys.create()
            if isinstance(made, Refusal):
                return made
        signer = (await keys.signer()).public
        earlier = [key.encoded() for key in await keys.public() if key != signer]
        return {"verifier_key": signer.encoded(), "earlier": earlier}

    data = administered(context, work)
    emit(
        context,
        data,
        Text("\n".join([data["verifier_key"], *(f"earlier: {key}" for key in data["earlier"])])),
    )


def administered(context: click.Context, work: Callable[[Office], Awaitable[T | Refusal]]) -> T:
    """Do work that needs checkpoints; what is wrong with them ends the command."""
    try:
        return administer(context, work)
    except (StateUnusable, UnusableWitness, MissingTile) as error:
        raise click.ClickException(f"{error}.") from None
    except BrokenNote as broken:
        raise click.ClickException(f"A checkpoint does not verify: {broken}.") from None


def checkpoints_of(office: Office) -> Checkpoints:
    """The checkpoints of the log."""
    return made_of(office.settings, office.store, office.private, office.egress)


def _encoded(hashes: Sequence[bytes]) -> list[str]:
    return [b64encode(hash_).decode("ascii") for hash_ in hashes]


def _described(
    newest: SignedCheckpoint, opened: OpenedCheckpoint, quorum: int, *, continued: bool
) -> dict[str, Any]:
    cosigned = {
        key.name: time_of(cosigned_at(signature.signature) * MICROSECONDS)
        for key in opened.signers
        for signature in opened.note.signatures
        if key.kind == COSIGNATURE and (signature.name, signature.key_id) == (key.name, key.key_id)
    }
    return {
        "origin": opened.checkpoint.origin,
        "size": opened.checkpoint.size,
        "root": _encoded([opened.checkpoint.root])[0],
        "position": newest.position,
        "witnesses": cosigned,
        "quorum": quorum,
        "published": newest.cosignatures >= quorum,
        "continued": continued,
        "note": newest.note,
    }


def _text(data: dict[str, Any]) -> Text:
    text = Text(data["note"])
    for name, time in data["witnesses"].items():
        text.append(f"\nCosigned by {name}, {time}")
    text.append(f"\nCosignatures: {len(data['witnesses'])}; needed to be published: {data['quorum']}.")
    if data["continued"]:
        text.append("\nThe log continues this checkpoint.", "green")
    else:
        text.append("\nThe log does not continue this checkpoint: it was altered.", "bold red")
    return text
