//! Codes for signed lockfiles that are older than one seen before.

use super::{CodeInfo, codes};

codes! {
    SEQUENCE_ROLLED_BACK = Critical "sequence-rolled-back" {
        "An older signed lockfile was put back",
        "A lockfile with a higher sequence number by the same signer was verified before (`--state`). The signature at hand is genuine and older: somebody may be replaying a version that was replaced for a reason.",
        "Find out who put the older files there, and restore the newest ones. If going back was meant, sign the lockfile again: that gives it a new number.",
    }
    SEQUENCE_MISSING = Critical "sequence-missing" {
        "A signature without a sequence number",
        "The bundle is a plain signature over the file (as `cosign sign-blob` or sigstore-python make it), and `--state` was asked to refuse older lockfiles. A plain signature has no number, so an older one cannot be told from it.",
        "Have the lockfile signed with a statement (`mcptrust sign`, or `cosign attest-blob --statement`), or verify without `--state`.",
    }
    SEQUENCE_REUSED = Critical "sequence-reused" {
        "Two lockfiles were signed under one number",
        "Another lockfile with the same sequence number by the same signer was verified before (`--state`). The signer signed two versions side by side, or one of them is kept from somebody.",
        "Compare the two, keep the right one, and sign it again: that gives it a new number.",
    }
}
