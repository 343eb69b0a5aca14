//! Codes for tools, prompts, resources and resource templates, and for texts wherever they stand.

use super::{CodeInfo, codes};

codes! {
    TOOL_ADDED = High "tool-added" {
        "A tool was added",
        "The server offers a tool that was not reviewed. A model may call it from now on.",
        "Review the name, the description and the schemas as for a first lock.",
    }
    TOOL_REMOVED = Moderate "tool-removed" {
        "A tool was removed",
        "A tool that was locked is gone. Calls to it fail, and a model may reach for another tool in its place.",
        "Check that nothing depends on it.",
    }
    TOOL_RENAMED = High "tool-renamed" {
        "A tool was renamed",
        "A tool of another name stands where a tool disappeared, with the same or nearly the same definition. Allow lists, policies and prompts that name the old one no longer match.",
        "Check that the new name does not stand for something else to a model or a client, and update what names the old one.",
    }
    PROMPT_ADDED = Moderate "prompt-added" {
        "A prompt was added",
        "The server offers a prompt that was not reviewed. Its text comes from the server when a user picks it.",
        "Review the name, the description and the arguments.",
    }
    PROMPT_REMOVED = Moderate "prompt-removed" {
        "A prompt was removed",
        "A prompt that was locked is gone.",
        "Check that nobody depends on it.",
    }
    PROMPT_RENAMED = Moderate "prompt-renamed" {
        "A prompt was renamed",
        "A prompt of another name stands where a prompt disappeared, with the same or nearly the same definition.",
        "Update what names the old one.",
    }
    RESOURCE_ADDED = Moderate "resource-added" {
        "A resource was added",
        "The server offers a resource that was not reviewed. Its content can reach the model.",
        "Check where the URI points and what its content may be.",
    }
    RESOURCE_REMOVED = Moderate "resource-removed" {
        "A resource was removed",
        "A resource that was locked is gone.",
        "Check that nothing depends on it.",
    }
    RESOURCE_RENAMED = Moderate "resource-renamed" {
        "A resource moved to another URI",
        "A resource of another URI stands where a resource disappeared, with the same or nearly the same definition.",
        "Check where the new URI points.",
    }
    RESOURCE_TEMPLATE_ADDED = Moderate "resource-template-added" {
        "A resource template was added",
        "The server offers a whole family of URIs that was not reviewed. Their content can reach the model.",
        "Check what the template lets a client read.",
    }
    RESOURCE_TEMPLATE_REMOVED = Moderate "resource-template-removed" {
        "A resource template was removed",
        "A resource template that was locked is gone.",
        "Check that nothing depends on it.",
    }
    RESOURCE_TEMPLATE_RENAMED = Moderate "resource-template-renamed" {
        "A resource template changed its URI template",
        "A template of another URI stands where a template disappeared, with the same or nearly the same definition.",
        "Check what the new template lets a client read.",
    }
    HIDDEN_TEXT = Critical "hidden-text" {
        "Hidden text appeared",
        "Added or changed text holds what a person does not see or takes for something else: zero-width characters, bidirectional controls, Unicode tags, terminal escapes and other control characters, look-alike letters of another script mixed into a word, or a long run of blanks that pushes text out of view. A model reads all of it. This is never lowered by `volatile`.",
        "Refuse it unless there is an innocent reason for exactly these characters.",
    }
    DESCRIPTION_ADDED = High "description-added" {
        "A description was added",
        "Descriptions, also those inside schemas, go into the model's context.",
        "Read every word as if it were addressed to your model, because it is.",
    }
    DESCRIPTION_CHANGED = High "description-changed" {
        "A description changed",
        "Descriptions, also those inside schemas, go into the model's context. An edit is a change of behaviour, not of documentation.",
        "Read the difference word by word. Instructions to the model, names of other tools, files or secrets have no place in it.",
    }
    DESCRIPTION_REMOVED = Moderate "description-removed" {
        "A description is gone",
        "The model no longer gets the text that was reviewed. A warning that was in it is gone too.",
        "Check whether the description held a safeguard.",
    }
    TITLE_CHANGED = Moderate "title-changed" {
        "A title changed",
        "Titles are what people see when they are asked to approve a call. Many clients give them to the model too.",
        "Check that the title still says what the thing does.",
    }
    NAME_CHANGED = Moderate "name-changed" {
        "A name changed",
        "The name of a resource or a resource template, which people and models see, changed while its URI stayed.",
        "Check that the name still says what the thing is.",
    }
    ICONS_CHANGED = Low "icons-changed" {
        "Icons changed",
        "Clients fetch and show icons. An icon can make one thing look like another, and fetching it tells its host that the client is there.",
        "Check where the icons are fetched from.",
    }
    ANNOTATION_WEAKENED = Critical "annotation-weakened" {
        "A tool takes back a promise",
        "A hint that a tool is read-only, not destructive, idempotent or closed to the outside world no longer holds. What was approved as harmless is declared to be so no more. An absent hint counts with its default: `readOnlyHint` and `idempotentHint` false, `destructiveHint` and `openWorldHint` true.",
        "Review the tool as a new one, and check which clients run it without asking.",
    }
    ANNOTATION_TIGHTENED = Moderate "annotation-tightened" {
        "A tool makes a new promise",
        "A hint now says that the tool is read-only, not destructive, idempotent or closed to the outside world. Clients that trust hints may stop asking before they run it, and a hint proves nothing.",
        "Check that the promise is true.",
    }
    ANNOTATION_CHANGED = Moderate "annotation-changed" {
        "An annotation changed",
        "A member of `annotations` that is no hint of a tool was added, removed or changed, or a hint is no longer a boolean.",
        "Find out what the annotation means to the client that you use.",
    }
    EXECUTION_CHANGED = Moderate "execution-changed" {
        "How a tool is executed changed",
        "A member of `execution`, for example whether the tool can or must be run as a task, changed. An absent `taskSupport` means `forbidden`.",
        "Check that your clients handle it.",
    }
    META_CHANGED = Moderate "meta-changed" {
        "Metadata of a definition changed",
        "A member of `_meta` changed. Clients give some of these a meaning, for example which page to show for a tool.",
        "Find out what the member means to the client that you use.",
    }
    MIME_TYPE_CHANGED = Moderate "mime-type-changed" {
        "A media type changed",
        "The declared media type decides how a client treats the content.",
        "Check that the content is still of a kind that is safe to show.",
    }
    PROMPT_ARGUMENT_ADDED = Moderate "prompt-argument-added" {
        "An argument was added to a prompt",
        "The prompt takes an argument that was not reviewed. It is high if the argument is required.",
        "Check what is asked for, and why.",
    }
    PROMPT_ARGUMENT_REMOVED = Moderate "prompt-argument-removed" {
        "An argument of a prompt was removed",
        "The prompt no longer takes an argument that it took.",
        "Check that nobody depends on it.",
    }
    PROMPT_ARGUMENT_NOW_REQUIRED = Moderate "prompt-argument-now-required" {
        "An argument of a prompt is now required",
        "The prompt cannot be used any more without this argument.",
        "Check what is asked for, and why.",
    }
    PROMPT_ARGUMENT_NOW_OPTIONAL = Low "prompt-argument-now-optional" {
        "An argument of a prompt is now optional",
        "The prompt can be used without this argument.",
        "Nothing, in most cases.",
    }
    PROMPT_ARGUMENTS_REORDERED = Low "prompt-arguments-reordered" {
        "The arguments of a prompt changed their order",
        "Clients that fill arguments in by position fill in others now.",
        "Nothing, in most cases.",
    }
    MEMBER_CHANGED = Moderate "member-changed" {
        "Something else in a definition changed",
        "A member that this version of the program does not know was added, removed or changed.",
        "Find out what the member means to the client that you use.",
    }
    SAME_MEANING = Info "same-meaning" {
        "Spelled differently, means the same",
        "The definition is written differently and means what it meant: a default is written out or left out, an empty object came or went, a schema moved behind a `$ref`.",
        "Nothing.",
    }
}
