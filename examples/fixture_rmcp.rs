//! A well-behaved server for the tests, on the official Rust SDK: a peer that we did not write.
//!
//! `fixture_rmcp [legacy|modern]`: without an argument it speaks both eras.

use std::borrow::Cow;
use std::error::Error;

use rmcp::handler::server::router::prompt::PromptRouter;
use rmcp::handler::server::router::tool::ToolRouter;
use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::{
    Annotations, Implementation, ListResourceTemplatesResult, ListResourcesResult, PaginatedRequestParams,
    PromptMessage, ProtocolVersion, Resource, ResourceTemplate, Role, ServerCapabilities, ServerConfig,
};
use rmcp::service::RequestContext;
use rmcp::{
    ErrorData, RoleServer, ServerHandler, ServiceExt as _, prompt, prompt_handler, prompt_router, tool,
    tool_handler, tool_router,
};

/// What `add` takes.
#[derive(Debug, serde::Deserialize, rmcp::schemars::JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct Sum {
    /// The first number.
    a: i64,
    /// The second number.
    b: i64,
}

/// What `greeting` takes.
#[derive(Debug, serde::Deserialize, rmcp::schemars::JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct Greeting {
    /// Whom to greet.
    name: String,
}

#[derive(Debug, Clone)]
struct Fixture {
    tool_router: ToolRouter<Self>,
    prompt_router: PromptRouter<Self>,
    versions: Cow<'static, [ProtocolVersion]>,
}

#[tool_router]
impl Fixture {
    fn new(versions: Cow<'static, [ProtocolVersion]>) -> Self {
        Fixture { tool_router: Self::tool_router(), prompt_router: Self::prompt_router(), versions }
    }

    #[tool(description = "Add two numbers.", annotations(title = "Add", read_only_hint = true))]
    async fn add(&self, Parameters(Sum { a, b }): Parameters<Sum>) -> String {
        a.saturating_add(b).to_string()
    }

    #[tool(description = "Forget everything.", annotations(destructive_hint = true))]
    async fn forget(&self) -> String {
        "done".to_owned()
    }
}

#[prompt_router]
impl Fixture {
    #[prompt(description = "Greet somebody.")]
    async fn greeting(&self, Parameters(Greeting { name }): Parameters<Greeting>) -> Vec<PromptMessage> {
        vec![PromptMessage::new_text(Role::User, format!("Greet {name}."))]
    }
}

#[tool_handler(router = self.tool_router)]
#[prompt_handler(router = self.prompt_router)]
impl ServerHandler for Fixture {
    fn get_info(&self) -> ServerConfig {
        let capabilities =
            ServerCapabilities::builder().enable_tools().enable_prompts().enable_resources().build();
        ServerConfig::new(capabilities)
            .with_server_info(Implementation::new("fixture-rmcp", "1.0.0"))
            .with_instructions("Add before you forget.")
    }

    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        self.versions.clone()
    }

    async fn list_resources(
        &self,
        request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let mut result = ListResourcesResult::default();
        match request.and_then(|request| request.cursor).as_deref() {
            None => {
                let annotations: Annotations =
                    serde_json::from_str(r#"{"audience":["user"],"lastModified":"2025-01-12T15:00:58Z"}"#)
                        .map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
                result.resources = vec![
                    Resource::new("file:///readme", "readme").with_size(12).with_annotations(annotations),
                ];
                result.next_cursor = Some("second".to_owned());
            }
            Some("second") => result.resources = vec![Resource::new("file:///license", "license")],
            Some(_) => return Err(ErrorData::invalid_params("unknown cursor", None)),
        }
        Ok(result)
    }

    async fn list_resource_templates(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        let templates = vec![ResourceTemplate::new("file:///{path}", "file")];
        Ok(ListResourceTemplatesResult::with_all_items(templates))
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let versions = match std::env::args().nth(1).as_deref() {
        None => Cow::Borrowed(ProtocolVersion::KNOWN_VERSIONS),
        Some("legacy") => Cow::Borrowed(ProtocolVersion::known_up_to(&ProtocolVersion::V_2025_11_25)),
        Some("modern") => Cow::Owned(vec![ProtocolVersion::V_2026_07_28]),
        Some(other) => return Err(format!("unknown era {other}").into()),
    };
    Fixture::new(versions).serve(rmcp::transport::stdio()).await?.waiting().await?;
    Ok(())
}
