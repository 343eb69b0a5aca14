//! Codes for what is noticed while a live server is captured.

use super::{CodeInfo, codes};

codes! {
    CAPTURE_SECRET_ECHOED = Critical "capture-secret-echoed" {
        "The server shows the value of a variable that it was given",
        "The value of an environment variable that was passed to the server stands in something that the server declares. A lockfile would hold it, and every model and client that reads the definition sees it.",
        "Do not commit the lockfile. Have the server fixed, and replace the secret: it has been shown already.",
    }
    CAPTURE_NO_DEFINITIONS = Moderate "capture-no-definitions" {
        "The server declares nothing at all",
        "No tool, no prompt and no resource was listed. Locking nothing protects nothing, and what appears afterwards is new.",
        "Check the command, its arguments and its environment: many servers list nothing when they are not configured or not signed in.",
    }
    CAPTURE_EMPTY_LIST = Info "capture-empty-list" {
        "A declared capability has no definitions",
        "The server says that it has tools, prompts or resources, and lists none. Some SDKs declare every capability whatever the server offers.",
        "If you expect definitions here, check the server's configuration before you lock it.",
    }
    CAPTURE_LIST_MISSING = Info "capture-list-missing" {
        "The server does not know the list of resource templates",
        "The capability `resources` is declared, and `resources/templates/list` is answered with \"method not found\". Servers without templates often leave the method out. Templates that appear later are drift.",
        "Nothing, unless the server is meant to offer resource templates.",
    }
}
