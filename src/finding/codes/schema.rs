//! Codes for JSON Schemas: the input and the output of a tool.

use super::{CodeInfo, codes};

codes! {
    SCHEMA_ADDED = Moderate "schema-added" {
        "A schema was added",
        "A tool declares an input or an output schema that it did not declare before, or a part of a schema that had no restriction has one now.",
        "Review it.",
    }
    SCHEMA_REMOVED = Moderate "schema-removed" {
        "A schema was removed",
        "A tool no longer declares its input or output schema, or a part of a schema lost its restriction: anything goes there.",
        "Check what may now be sent or returned.",
    }
    OPTIONAL_PROPERTY_ADDED = High "optional-property-added" {
        "An optional property was added",
        "The input takes something new, and a model fills in what it is offered, even if nobody asked for it. Moderate in an output schema, where it says that the tool returns more.",
        "Check what the property asks for: a reason, a conversation, a file or a secret has no place in most tools.",
    }
    REQUIRED_PROPERTY_ADDED = High "required-property-added" {
        "A required property was added",
        "The input asks for something new, and a model has to fill it in. Moderate in an output schema, where it says that the tool returns more.",
        "Check what the property asks for: a reason, a conversation, a file or a secret has no place in most tools.",
    }
    PROPERTY_REMOVED = Moderate "property-removed" {
        "A property was removed",
        "Callers that use the property break, or send something that is now ignored: perhaps a limit that kept the tool in bounds.",
        "Check what the tool does without it.",
    }
    PROPERTY_NOW_REQUIRED = High "property-now-required" {
        "A property is now required",
        "What a model could leave out, it has to fill in. Moderate in an output schema.",
        "Check why the tool cannot do without it any more.",
    }
    PROPERTY_NOW_OPTIONAL = Low "property-now-optional" {
        "A property is now optional",
        "What a model had to fill in, it may leave out.",
        "Check what the tool does without it.",
    }
    TYPE_WIDENED = Moderate "type-widened" {
        "More types are accepted",
        "Values of a type that was refused are now accepted.",
        "Check what the tool does with the new type.",
    }
    TYPE_NARROWED = Moderate "type-narrowed" {
        "Fewer types are accepted",
        "Values of a type that was accepted are now refused.",
        "Check that callers still work.",
    }
    TYPE_CHANGED = Moderate "type-changed" {
        "Another type is expected",
        "The type changed to one that neither contains the old one nor is contained in it.",
        "Check that callers still work, and what the tool does with the new type.",
    }
    ENUM_WIDENED = High "enum-widened" {
        "More values may be chosen",
        "A choice has a value that was not reviewed, often a new mode of working. Moderate in an output schema.",
        "Check what the tool does for the new value.",
    }
    ENUM_NARROWED = Moderate "enum-narrowed" {
        "Fewer values may be chosen",
        "A value that could be chosen is gone, or what was free is now a choice.",
        "Check that callers still work.",
    }
    ENUM_CHANGED = High "enum-changed" {
        "Other values may be chosen",
        "A choice lost some values and has others that were not reviewed. Moderate in an output schema.",
        "Check what the tool does for the new values.",
    }
    CONST_CHANGED = Moderate "const-changed" {
        "A fixed value changed",
        "The one value that is accepted was added, removed or changed.",
        "Check what the tool does for the new value.",
    }
    BOUNDS_WIDENED = Moderate "bounds-widened" {
        "A limit was raised or removed",
        "Values, texts or lists that were out of bounds are now accepted.",
        "Check that the tool does no harm beyond the old limit.",
    }
    BOUNDS_NARROWED = Low "bounds-narrowed" {
        "A limit was tightened or added",
        "Values, texts or lists that were accepted are now out of bounds.",
        "Check that callers still work.",
    }
    BOUNDS_CHANGED = Moderate "bounds-changed" {
        "A limit changed",
        "A limit changed in a way that neither only widens nor only narrows it.",
        "Check that callers still work, and that the tool does no harm beyond the old limit.",
    }
    PATTERN_ADDED = Low "pattern-added" {
        "A pattern was added",
        "Text that does not match the pattern is now refused.",
        "Check that callers still work.",
    }
    PATTERN_CHANGED = High "pattern-changed" {
        "A pattern changed",
        "Other texts are accepted than before. A pattern often keeps paths, hosts or commands in bounds. Moderate in an output schema.",
        "Compare what the old and the new pattern let through.",
    }
    PATTERN_REMOVED = High "pattern-removed" {
        "A pattern is gone",
        "Any text is accepted. A pattern often keeps paths, hosts or commands in bounds. Moderate in an output schema.",
        "Check what the tool does with text that the pattern refused.",
    }
    FORMAT_CHANGED = Moderate "format-changed" {
        "A format changed",
        "The format of a text was added, removed or changed.",
        "Check that callers still work.",
    }
    DEFAULT_CHANGED = High "default-changed" {
        "A default changed",
        "What happens if nobody says anything is different. Low in an output schema.",
        "Check what a call without this property does now.",
    }
    EXAMPLES_CHANGED = Moderate "examples-changed" {
        "Examples changed",
        "Models imitate examples. A path, a host or a name in an example finds its way into calls.",
        "Read the examples as if they were instructions.",
    }
    ADDITIONAL_PROPERTIES_OPENED = High "additional-properties-opened" {
        "Properties that are not declared are now accepted",
        "The input takes properties of any name, so what may be sent is no longer bounded by what was reviewed. Moderate in an output schema.",
        "Check what the tool does with properties that it does not declare.",
    }
    ADDITIONAL_PROPERTIES_CLOSED = Low "additional-properties-closed" {
        "Properties that are not declared are now refused",
        "Only the properties that are declared may be sent.",
        "Check that callers still work.",
    }
    ALTERNATIVE_ADDED = Moderate "alternative-added" {
        "An alternative was added",
        "A value may take a shape that was not reviewed (`anyOf`, `oneOf`).",
        "Review the new shape.",
    }
    ALTERNATIVE_REMOVED = Moderate "alternative-removed" {
        "An alternative was removed",
        "A value may no longer take a shape that it could take (`anyOf`, `oneOf`).",
        "Check that callers still work.",
    }
    ALTERNATIVES_REORDERED = Low "alternatives-reordered" {
        "The parts of a schema changed their order",
        "The same schemas stand in another order in `anyOf`, `oneOf` or `allOf`. The same values are accepted, but a model reads them in another order.",
        "Nothing, in most cases.",
    }
    CONDITION_ADDED = Low "condition-added" {
        "A condition was added",
        "A value has to satisfy one more schema (`allOf`).",
        "Check that callers still work.",
    }
    CONDITION_REMOVED = Moderate "condition-removed" {
        "A condition was removed",
        "A value has to satisfy one schema less (`allOf`).",
        "Check what may now be sent.",
    }
    CONDITION_CHANGED = Moderate "condition-changed" {
        "A condition changed",
        "Something changed inside `not`, `if` or another keyword where accepting more can mean accepting less.",
        "Work out by hand what may be sent now.",
    }
    REFERENCE_CHANGED = Moderate "reference-changed" {
        "A reference leads elsewhere",
        "A `$ref` was added, removed or changed. It is low where both sides could be followed, because what differs there is reported too.",
        "Read the schema that it leads to.",
    }
    SCHEMA_DEFINITION_ADDED = Moderate "schema-definition-added" {
        "A shared part was added to a schema",
        "`$defs` or `definitions` has a new entry. Even if nothing refers to it, a model reads its texts: it is high where it holds any.",
        "Review it.",
    }
    SCHEMA_DEFINITION_REMOVED = Low "schema-definition-removed" {
        "A shared part was removed from a schema",
        "`$defs` or `definitions` lost an entry.",
        "Look at what used it.",
    }
    X_MCP_HEADER_ADDED = Critical "x-mcp-header-added" {
        "An argument is now sent as an HTTP header",
        "`x-mcp-header` makes clients copy an argument into a request header, in sight of every proxy, gateway and log on the way.",
        "Refuse it if the argument can hold anything private.",
    }
    X_MCP_HEADER_CHANGED = Critical "x-mcp-header-changed" {
        "An argument is sent as another HTTP header",
        "`x-mcp-header` names another header. Headers steer proxies and gateways.",
        "Check what acts on the new header.",
    }
    X_MCP_HEADER_REMOVED = Moderate "x-mcp-header-removed" {
        "An argument is no longer sent as an HTTP header",
        "Gateways that route or check by the header no longer see it.",
        "Check that no gateway rule depends on it.",
    }
    SCHEMA_DIALECT_CHANGED = Moderate "schema-dialect-changed" {
        "The schema is written in another dialect",
        "`$schema` changed. The same keywords can mean something else, for example what may stand beside a `$ref`.",
        "Check that your clients understand the new dialect.",
    }
    SCHEMA_KEYWORD_CHANGED = Moderate "schema-keyword-changed" {
        "A keyword of a schema changed",
        "A keyword that has no code of its own was added, removed or changed.",
        "Work out what the keyword means to the clients that you use.",
    }
}
