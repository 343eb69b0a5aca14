//! Codes for the lockfile as a whole, a server's source and the parts of a server that are no definitions.

use super::{CodeInfo, codes};

codes! {
    PROJECT_CHANGED = High "project-changed" {
        "The lockfile names another project",
        "The `project` member says where a lockfile belongs. A trust rule can require it, so that what was signed for one project does not pass in another.",
        "Accept it only if the project was renamed or the lockfile was moved on purpose.",
    }
    SERVER_ADDED = High "server-added" {
        "A server was added",
        "The lockfile holds a server that it did not hold before. Its command will be run, and everything it declares reaches the model.",
        "Review the source and every definition of the new server as for a first lock.",
    }
    SERVER_REMOVED = Moderate "server-removed" {
        "A server was removed",
        "A server that was locked is gone, and with it every tool, prompt and resource that it offered.",
        "Check that the removal is meant. A server that is still configured but no longer locked is not watched any more.",
    }
    VOLATILE_CHANGED = High "volatile-changed" {
        "What is left out of drift changed",
        "`volatile` lists JSON pointers whose drift is only noted. A pointer added here makes the checks blind in that place.",
        "Accept it only if a reviewer agreed to every pointer on the list.",
    }
    SOURCE_COMMAND_CHANGED = Critical "source-command-changed" {
        "Another command is run",
        "The program that is started for this server is not the one that was locked.",
        "Find out what the new command is before it runs anywhere. Accept it only with the same care as a new server.",
    }
    SOURCE_ARGUMENTS_CHANGED = Critical "source-arguments-changed" {
        "The command is run with other arguments",
        "The arguments of the command changed. They choose the package and its version, the folders it may reach, and often what it may do.",
        "Read the old and the new arguments side by side. A pinned version that disappeared, or a wider folder, is a reason to refuse.",
    }
    SOURCE_TRANSPORT_CHANGED = Critical "source-transport-changed" {
        "The server is reached another way",
        "The transport changed, for example from a local process to a remote address. It is another server until shown otherwise.",
        "Review it as a new server.",
    }
    SOURCE_DIRECTORY_CHANGED = High "source-directory-changed" {
        "The command is run in another folder",
        "The working directory decides what relative paths mean, and sometimes which program is found.",
        "Check that the new folder holds nothing that the server should not reach.",
    }
    SOURCE_ENVIRONMENT_ADDED = High "source-environment-added" {
        "The server is given another environment variable",
        "One more variable of the caller's environment is handed to the server. It may hold a secret.",
        "Check what the variable holds and why the server needs it.",
    }
    SOURCE_ENVIRONMENT_REMOVED = Low "source-environment-removed" {
        "The server is no longer given an environment variable",
        "A variable that was handed to the server is handed to it no more. The server may behave differently without it.",
        "Check that the server still works.",
    }
    SOURCE_ENVIRONMENT_CHANGED = High "source-environment-changed" {
        "An environment variable is filled from another one",
        "The variable that the server sees is filled from another variable of the caller, so the server receives another value, perhaps another secret.",
        "Check which secret the new variable holds.",
    }
    SOURCE_CHANGED = Critical "source-changed" {
        "The server's source changed",
        "Something else in how the server is started or reached changed.",
        "Review it as a new server.",
    }
    PROTOCOL_VERSION_CHANGED = Moderate "protocol-version-changed" {
        "Another protocol version was negotiated",
        "The version decides which members exist and what they mean. Servers may declare other things in another version.",
        "Expected after an upgrade of the server. A step back to an older version deserves a question.",
    }
    SERVER_NAME_CHANGED = High "server-name-changed" {
        "The server calls itself something else",
        "The name in `serverInfo` changed. Another program may be answering.",
        "Check that the source still leads to the server that you reviewed.",
    }
    SERVER_VERSION_CHANGED = Low "server-version-changed" {
        "The server's version changed",
        "The version in `serverInfo` changed. It is what the server says of itself and proves nothing, but it tells that the program was replaced.",
        "Read the release notes; look at the other changes that came with it.",
    }
    SERVER_INFO_CHANGED = Moderate "server-info-changed" {
        "The server describes itself differently",
        "A member of `serverInfo` other than its name, version and texts changed, for example its web site.",
        "Check that it still points to the same publisher.",
    }
    CAPABILITY_ADDED = Moderate "capability-added" {
        "The server declares a new capability",
        "The server offers a part of the protocol that it did not offer before.",
        "Check that the capability is wanted. An extension or an experimental capability can change what clients do.",
    }
    CAPABILITY_REMOVED = Moderate "capability-removed" {
        "The server no longer declares a capability",
        "A part of the protocol that the server offered is gone. What was listed under it is no longer asked for.",
        "Check that nothing depends on it.",
    }
    CAPABILITY_CHANGED = Moderate "capability-changed" {
        "A capability changed",
        "A detail of a capability changed. `listChanged` appearing means that the server announces changes while it runs.",
        "Check what the detail allows.",
    }
    INSTRUCTIONS_ADDED = High "instructions-added" {
        "The server now gives instructions to the model",
        "Instructions go into the model's context, usually at the start of every session.",
        "Read every word as if it were addressed to your model, because it is.",
    }
    INSTRUCTIONS_CHANGED = High "instructions-changed" {
        "The server's instructions to the model changed",
        "Instructions go into the model's context, usually at the start of every session. An edit is a change of behaviour, not of documentation.",
        "Read the difference word by word.",
    }
    INSTRUCTIONS_REMOVED = Moderate "instructions-removed" {
        "The server's instructions are gone",
        "The model no longer gets the instructions that were reviewed. A warning that was in them is gone too.",
        "Check whether the instructions held a safeguard.",
    }
    RESULT_MEMBER_CHANGED = Moderate "result-member-changed" {
        "Something else in a result of the server changed",
        "A member of a protocol result that this version of the program does not know was added, removed or changed.",
        "Find out what the member means to the client that you use.",
    }
    TAMPERED_ADDED = Critical "tampered-added" {
        "Something was added to a signed lockfile",
        "The lockfile holds a server, a part or a definition that the signed digest tree does not name.",
        "Do not use the lockfile. Restore the signed one, or review the change and sign again.",
    }
    TAMPERED_CHANGED = Critical "tampered-changed" {
        "Something in a signed lockfile was changed",
        "The digest of this part or definition is not the one that was signed.",
        "Do not use the lockfile. Restore the signed one, or review the change and sign again.",
    }
    TAMPERED_REMOVED = Critical "tampered-removed" {
        "Something was removed from a signed lockfile",
        "The signed digest tree names a server, a part or a definition that the lockfile no longer holds.",
        "Do not use the lockfile. Restore the signed one, or review the change and sign again.",
    }
}
