//! The API's description: written by the handlers themselves, served, and kept in `docs/reference/openapi.json`.

use std::sync::LazyLock;

use axum::http::header;
use axum::response::IntoResponse;
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::Shared;

/// Groups of routes, in the order of the description.
const TAGS: &[(&str, &str)] = &[
    ("advisories", "What is known about vulnerabilities"),
    ("audit", "Who did what"),
    ("decisions", "Verdicts that were acted on"),
    ("gc", "Collection of what nothing refers to"),
    ("jobs", "Background work"),
    ("mirrors", "Repositories copied from upstreams by a plan"),
    ("organizations", "Namespaces that belong to teams"),
    ("permissions", "Who may do what"),
    ("policies", "What the gate asks"),
    ("repositories", "Names, tags and images"),
    ("robots", "Credentials for programs"),
    (
        "rules",
        "Immutability, retention and quotas, of the system, a namespace or a repository",
    ),
    ("specification", "This description"),
    ("system", "The registry as a whole"),
    (
        "tags",
        "The life of tags: history, the way back, expiry, immutability",
    ),
    ("tokens", "What people give programs instead of a password"),
    ("upstreams", "Other registries, and what is cached of them"),
    ("users", "People"),
    ("webhooks", "Who is told of what happens"),
];

static JSON: LazyLock<String> = LazyLock::new(|| {
    openapi()
        .to_pretty_json()
        .expect("the description is plain data")
});

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Tidegate",
        description = "The API of a Tidegate registry. A repository's name is one path parameter: its slashes are written as `%2F`, or the name is written plainly and followed by `/-/`, as in `/api/v1/repositories/team/app/-/tags`.",
        license(name = "Apache-2.0"),
    ),
    security(("basic" = [])),
)]
struct Head;

pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(get))
}

/// Returns the description of every route under `/api/v1`.
pub fn openapi() -> OpenApi {
    let (_, openapi) = described(super::resources()).split_for_parts();
    openapi
}

/// Puts the resources under `/api/v1` and the head above their description.
pub(super) fn described(resources: OpenApiRouter<Shared>) -> OpenApiRouter<Shared> {
    let mut head = <Head as utoipa::OpenApi>::openapi();
    // The program's version changes with every release, and the description only when the API does.
    head.info.version = "v1".into();
    let tags = TAGS.iter().map(|(name, description)| {
        utoipa::openapi::tag::TagBuilder::new()
            .name(*name)
            .description(Some(*description))
            .build()
    });
    head.tags = Some(tags.collect());
    let components = head.components.get_or_insert_default();
    components.add_security_scheme(
        "basic",
        SecurityScheme::Http(Http::new(HttpAuthScheme::Basic)),
    );
    OpenApiRouter::with_openapi(head).nest("/api/v1", resources)
}

/// Returns this description.
#[utoipa::path(
    get, path = "/openapi.json", tag = "specification", operation_id = "specification",
    security(()),
    responses((status = 200, description = "An OpenAPI document", body = serde_json::Value)),
)]
async fn get() -> impl IntoResponse {
    (
        [
            (header::CONTENT_TYPE, "application/json"),
            (header::CACHE_CONTROL, "public, max-age=300"),
        ],
        JSON.as_str(),
    )
}
