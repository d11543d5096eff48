"""PROVEN: a public, tamper-evident, append-only list of entries that anyone can verify without our software.

    entries ─► store (leaf hashes, tiles, signed checkpoints) ─► export (static files) ─► any web server
                  │                     │                                  │
                prove               witness (cosigns)              verify, watch: anyone's

Formats are C2SP's (signed-note, tlog-checkpoint, tlog-tiles, tlog-cosignature, tlog-witness, tlog-proof,
tlog-policy) over the Merkle tree of RFC 6962. Nothing here imports anything of ours. To verify needs `merkle`, `note`,
`checkpoint`, `cosignature`, `tiles`, `proof`, `policy` and `faults`: the standard library and one signature primitive.
Sockets are in `fetch`, `serve`, `witness_server` and `witness_client`; SQL in `database`, `store` and `witness_memory`.
"""
