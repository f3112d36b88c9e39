//! How much is used, and how much may be.

use axum::response::Response;
use catalog::{AccountKind, Principal};
use oci::RepositoryName;
use web::routes::Route;
use web::{
    Draft, ErrorKind, HomeHead, HomeView, NamespaceRow, QuotaCard, QuotaLimit, SystemUsagePage,
    UsagePage, UsageRow,
};

use crate::api::rules::{self, QuotaBody, QuotaItem};
use crate::api::{Body, Segments};
use crate::pages::refusal::{Refused, refusable};
use crate::pages::{Form, PageError, Visit, html, redirect};

/// Repositories or namespaces on a page.
const PER_PAGE: u32 = 100;

pub(super) async fn page(
    visit: &Visit,
    principal: &Principal,
    head: HomeHead,
    draft: Draft,
) -> Result<Response, PageError> {
    let scope = Segments(format!("namespace:{}", head.name));
    let quota = rules::quota(visit.app(), visit.caller(principal), scope).await?;
    let catalog = &visit.app.catalog;
    let by_size = visit.parameter("sort") == "-size";
    let after: Option<RepositoryName> = visit.parameter("after").parse().ok();
    let mut found = if by_size {
        catalog.largest_repositories(&head.name, PER_PAGE).await?
    } else {
        catalog
            .repository_uses(&head.name, after.as_ref(), PER_PAGE + 1)
            .await?
    };
    let has_more = found.len() > PER_PAGE as usize;
    found.truncate(PER_PAGE as usize);
    let page = UsagePage {
        frame: visit.frame(),
        head,
        quota: card(&quota.0),
        may_set: principal.superuser,
        by_size,
        is_continued: after.is_some() && !by_size,
        next: found
            .last()
            .filter(|_| has_more)
            .map(|row| row.name.clone()),
        rows: found
            .into_iter()
            .map(|row| UsageRow {
                repository: row.name,
                bytes: row.bytes,
            })
            .collect(),
        draft,
    };
    html(web::render_usage(&page))
}

pub(in crate::pages) fn card(item: &QuotaItem) -> QuotaCard {
    let limit = item.limit_bytes.zip(item.warn_percent).zip(item.refuses);
    QuotaCard {
        used: item.used_bytes,
        limit: limit.map(|((bytes, warn_percent), refuses)| QuotaLimit {
            bytes,
            warn_percent,
            refuses,
        }),
    }
}

pub(super) async fn submit(
    visit: &Visit,
    principal: &Principal,
    head: HomeHead,
    form: &Form,
) -> Result<Response, PageError> {
    let scope = format!("namespace:{}", head.name);
    match set(visit, principal, scope, form).await? {
        Ok(()) => Ok(redirect(&head.home.at(HomeView::Usage).to_string())),
        Err(refused) => {
            let page = page(visit, principal, head, refused.draft(form)).await?;
            Ok(refused.on(page))
        }
    }
}

/// Sets a quota, or takes it away.
async fn set(
    visit: &Visit,
    principal: &Principal,
    scope: String,
    form: &Form,
) -> Result<Result<(), Refused>, PageError> {
    let app = visit.app();
    let (caller, scope) = (visit.credentialed(principal), Segments(scope));
    let answer = match form.field("do") {
        "quota" => match quota(form) {
            Ok(body) => rules::set_quota(app, caller, scope, Body(body)).await,
            Err(refused) => return Ok(Err(refused)),
        },
        "no-quota" => rules::delete_quota(app, caller, scope).await,
        _ => return Err(PageError::Shown(ErrorKind::BadRequest)),
    };
    Ok(refusable(answer)?.map(|_| ()))
}

fn quota(form: &Form) -> Result<QuotaBody, Refused> {
    let limit_bytes = bytes(form.field("limit")).ok_or_else(|| {
        Refused::invalid("The quota is a number and B, kB, MB, GB or TB, such as `50 GB`.")
    })?;
    let warn_percent = form.field("warn").trim().parse().ok();
    let warn_percent = warn_percent.filter(|percent| (1..=100).contains(percent));
    let refuses = match form.field("beyond") {
        "refuse" => true,
        "warn" => false,
        _ => {
            return Err(Refused::invalid(
                "Pushes beyond the quota are refused or warned of.",
            ));
        }
    };
    Ok(QuotaBody {
        limit_bytes,
        warn_percent: warn_percent
            .ok_or_else(|| Refused::invalid("Warnings begin at 1 to 100 per cent."))?,
        refuses,
    })
}

/// Reads a size as people write it, with a decimal unit: `50 GB`, `1.5tb`, `1000`.
fn bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let (number, unit) =
        text.split_at(text.find(|c: char| c.is_alphabetic()).unwrap_or(text.len()));
    let factor: u64 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "tb" => 1_000_000_000_000,
        _ => return None,
    };
    let (whole, part) = number.trim().split_once('.').unwrap_or((number.trim(), ""));
    let is_number = |text: &str| text.chars().all(|c| c.is_ascii_digit());
    if whole.is_empty() || !is_number(whole) || !is_number(part) || part.len() > 3 {
        return None;
    }
    let whole = whole.parse::<u64>().ok()?.checked_mul(factor)?;
    let scale = 10_u64.pow(u32::try_from(part.len()).ok()?);
    let part = if part.is_empty() {
        0
    } else {
        part.parse::<u64>().ok()?
    };
    let bytes = whole.checked_add(part * factor / scale)?;
    i64::try_from(bytes).ok().map(|_| bytes)
}

/// Shows what everybody uses to administrators; to others the page does not exist.
pub(in crate::pages) async fn of_all(
    visit: &Visit,
    principal: &Principal,
    draft: Draft,
) -> Result<Response, PageError> {
    if !principal.superuser {
        return Err(PageError::Shown(ErrorKind::NotFound));
    }
    let scope = Segments("system".to_owned());
    let quota = rules::quota(visit.app(), visit.caller(principal), scope).await?;
    let catalog = &visit.app.catalog;
    let after = visit.parameter("after").replace('\0', "");
    let mut found = catalog.namespace_uses(&after, PER_PAGE + 1).await?;
    let has_more = found.len() > PER_PAGE as usize;
    found.truncate(PER_PAGE as usize);
    let next = found.last().filter(|_| has_more);
    let next = next.map(|row| row.namespace.clone());
    let mut rows = Vec::with_capacity(found.len());
    for row in found {
        let account = catalog.account_by_name(&row.namespace).await?;
        rows.push(NamespaceRow {
            is_organisation: account.is_some_and(|one| one.kind == AccountKind::Organization),
            namespace: row.namespace,
            quota: QuotaCard {
                used: row.used_bytes,
                limit: row.quota.map(|quota| QuotaLimit {
                    bytes: quota.limit_bytes,
                    warn_percent: quota.warn_percent,
                    refuses: quota.refuses,
                }),
            },
            folded: row.folded_at,
        });
    }
    let page = SystemUsagePage {
        frame: visit.frame(),
        quota: card(&quota.0),
        rows,
        is_continued: !after.is_empty(),
        next,
        draft,
    };
    html(web::render_system_usage(&page))
}

/// Sets the system's quota.
pub(in crate::pages) async fn submit_of_all(
    visit: &Visit,
    principal: &Principal,
    form: &Form,
) -> Result<Response, PageError> {
    if !principal.superuser {
        return Err(PageError::Shown(ErrorKind::NotFound));
    }
    match set(visit, principal, "system".to_owned(), form).await? {
        Ok(()) => Ok(redirect(&Route::Usage.to_string())),
        Err(refused) => {
            let page = of_all(visit, principal, refused.draft(form)).await?;
            Ok(refused.on(page))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        for (text, expected) in [
            ("50 GB", Some(50_000_000_000)),
            ("1.5tb", Some(1_500_000_000_000)),
            (" 1000 ", Some(1_000)),
            ("0 B", Some(0)),
            ("0.001 kB", Some(1)),
            ("9223372036854775807", Some(i64::MAX.unsigned_abs())),
            ("9223372036854775808", None),
            ("99999999999 TB", None),
            ("", None),
            ("GB", None),
            ("-1 GB", None),
            ("1,5 GB", None),
            ("1.2345 GB", None),
            ("1 GiB", None),
            ("1 GB more", None),
        ] {
            assert_eq!(bytes(text), expected, "{text}");
        }
    }
}
