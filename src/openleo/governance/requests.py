"""Who asks for a change: named by whoever proposes, or proved by an officer's signature over the whole proposal.

An officer who asks signs in person. For somebody outside the roster, such as a ministry, an officer signs as sponsor,
and answers for it. Who asked does not count in the quorum. A recovery has no sponsor: it is for the day on which no
officer can sign, and needs its keys and its public notice whoever asks.
"""

from __future__ import annotations

from openleo.governance import to_sign
from openleo.governance.entries import EffectFrozen, Proposed
from openleo.governance.moves import RECOVERY
from openleo.governance.sshsig import REQUEST_NAMESPACE, Signature
from openleo.governance.state import Refused, State, signer


def sponsor_of(state: State, kind: str, requester: str, sponsor: str = "") -> str:
    """The officer who has to sign a request; "" where the requester is only named. `sponsor`: who is to, if said.

    Raises Refused where nobody, or somebody else, would sign.
    """
    if kind == RECOVERY:
        if sponsor:
            raise Refused("a recovery has no sponsor: its keys and its public notice stand for it")
        return ""
    asks = state.people.officer(requester) is not None
    if asks and sponsor not in ("", requester):
        raise Refused(f"{requester} is an officer, and signs their own requests; {sponsor} cannot")
    if not sponsor and state.people.settings.requests == "named":
        return ""
    if not sponsor and not asks:
        raise Refused(
            f"the roster asks for signed requests, and {requester} is no officer of it: "
            "an officer signs as sponsor (--sponsor ID), and then does not count"
        )
    if state.people.officer(sponsor or requester) is None:
        raise Refused(f"{sponsor} is no officer of the roster in force, and cannot sign a request")
    return sponsor or requester


def check(state: State, body: Proposed) -> None:
    """Whoever has to sign a proposal did, with a key that is good, under the roster in force. Raises Refused."""
    by = body.sponsor
    needed = sponsor_of(state, body.kind, body.requester, "" if by is None else by.officer)
    if by is None:
        if needed:
            raise Refused(f"the roster asks for signed requests, and {needed} did not sign this one")
        return
    message = to_sign.request(state.origin, state.people.sha256, body)
    signer(state, by.officer, message, by.signature, namespace=REQUEST_NAMESPACE)


def check_effect(proposed: Proposed, body: EffectFrozen) -> None:
    """The effect is the one that the request was signed with. Raises Refused."""
    by = proposed.sponsor
    if by is not None and (by.effect, by.network) != (body.effect, body.network):
        raise Refused(f"{by.officer} signed the request with another effect than this one")


def standing(proposed: Proposed) -> str:
    """How far the requester is known: "proved" in person, "sponsored" by an officer, or "named" and no more."""
    if proposed.sponsor is None:
        return "named"
    return "proved" if proposed.sponsor.officer == proposed.requester else "sponsored"


def key_of(body: Proposed) -> str:
    """The fingerprint of the key that signed a request that was checked; "" where nobody signed."""
    return "" if body.sponsor is None else Signature.of_text(body.sponsor.signature).key.fingerprint
