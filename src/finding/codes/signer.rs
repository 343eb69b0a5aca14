//! Codes for who signed: drift between the signers of two lockfiles.

use super::{CodeInfo, codes};

codes! {
    SIGNER_ISSUER_CHANGED = Critical "signer-issuer-changed" {
        "Another authority vouches for the signer",
        "The identity was vouched for by one issuer before and by another now. The same name at another issuer is another signer.",
        "Find out who moved the signing and why. Verify with a rule that names the issuer you expect.",
    }
    SIGNER_REPOSITORY_CHANGED = Critical "signer-repository-changed" {
        "The signing workflow runs in another repository",
        "The repository's address or its immutable number changed. A name whose number changed was deleted and made anew, or given to somebody else.",
        "Check that the repository was moved on purpose, and by whom. A rule with `source-repository-identifier` refuses a namesake.",
    }
    SIGNER_OWNER_CHANGED = Critical "signer-owner-changed" {
        "The repository of the signing workflow has another owner",
        "The owner's address or immutable number changed: the repository was transferred, or its owner's name was taken over.",
        "Confirm the transfer with the owners you know. A rule with `source-repository-owner-identifier` refuses a namesake.",
    }
    SIGNER_METHOD_CHANGED = High "signer-method-changed" {
        "Signed in another way",
        "A key signed before and an identity signs now, or the reverse. What has to be protected is different: a secret, or a workflow and its repository.",
        "Confirm the change with the signer, and adapt the trust rules.",
    }
    SIGNER_KEY_CHANGED = High "signer-key-changed" {
        "Another key signed",
        "The key that signed is not the one that signed before. It may have been replaced, or it is somebody else's.",
        "Ask the signer, on another way than the repository, whether the key was replaced.",
    }
    SIGNER_IDENTITY_CHANGED = High "signer-identity-changed" {
        "Another identity signed",
        "The certificate is for another person or another workflow than before, at the same issuer.",
        "Check that this signer may sign, and adapt the trust rules if so.",
    }
    SIGNER_REF_CHANGED = High "signer-ref-changed" {
        "The signing workflow ran on another branch or tag",
        "The workflow is the same and ran at another ref. What runs on an unprotected branch, or on one that anybody may create, was perhaps reviewed by nobody.",
        "Expect this where every release signs from its own tag, and allow those tags with a pattern. Otherwise ask why it was not signed from the branch you know.",
    }
    SIGNER_RUNNER_CHANGED = High "signer-runner-changed" {
        "The signing workflow ran on another kind of machine",
        "It ran on the platform's machines before and on somebody's own now, or the reverse. On a machine of one's own, whoever controls the machine controls what is signed.",
        "Confirm the change. A rule with `runner-environment` requires the kind you expect.",
    }
    SIGNER_REMOVED = High "signer-removed" {
        "A signer no longer signs",
        "A signer of the lockfile before did not sign this one. An approval that used to be given is missing.",
        "Ask for the signature, or lower the threshold knowingly.",
    }
    SIGNER_TRIGGER_CHANGED = Moderate "signer-trigger-changed" {
        "Another event started the signing workflow",
        "Who can cause an event decides who can cause a signature: a push, a pull request, a schedule, a click.",
        "Check that the event can be caused only by people who may approve a lockfile.",
    }
    SIGNER_WORKFLOW_CHANGED = Moderate "signer-workflow-changed" {
        "Another top-level workflow asked for the signature",
        "The build instructions that sign are the same, and other instructions called them.",
        "Check the calling workflow: it chooses the inputs.",
    }
    SIGNER_ENVIRONMENT_CHANGED = Moderate "signer-environment-changed" {
        "Signed from another deployment environment",
        "Environments carry protection rules such as required reviewers; another one may have none.",
        "Check the protection rules of the environment.",
    }
    SIGNER_ADDED = Moderate "signer-added" {
        "A further signer signed",
        "A signer who did not sign before has signed this lockfile. It counts only where a trust rule names it.",
        "Nothing, where you know the signer.",
    }
    SIGNER_CLAIM_CHANGED = Low "signer-claim-changed" {
        "Something else in the signer's certificate changed",
        "A claim that has no code of its own differs.",
        "Look at the claim; a rule can require it.",
    }
    SIGNER_RUN_CHANGED = Info "signer-run-changed" {
        "Another run or commit of the same workflow signed",
        "Commit digests and the address of the run differ with every signature.",
        "Nothing.",
    }
}
