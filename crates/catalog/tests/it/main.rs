//! The catalog on both engines: one suite, instantiated for SQLite and for a real PostgreSQL.
//!
//! Adding a case: an `async fn` that takes a [`Catalog`], and its name in [`catalog_conformance!`].

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod accounts;
mod blobs;
mod collection;
mod condemned;
#[path = "../../examples/fill/copies.rs"]
mod copies;
mod credentials;
mod engine;
mod evidence;
mod expiry;
mod generations;
mod given;
mod hot_path;
mod immutability;
mod jobs;
mod login_failures;
mod manifests;
mod name_pages;
mod overviews;
mod pages;
mod plans;
mod promises;
mod repositories;
mod rights;
mod rules;
mod schedules;
mod schema;
mod sign_ins;
mod store_checks;
mod tag_figures;
mod tag_life;
mod tag_model;
mod tag_spans;
mod tags;
mod trail;
mod transfer;
mod upstreams;
mod usage;

use catalog::Catalog;
use catalog::testkit::{Postgres, Sqlite};

/// A catalog, and what must live as long as it.
struct Engine {
    catalog: Catalog,
    _files: Option<Sqlite>,
}

async fn sqlite() -> Engine {
    let files = Sqlite::new();
    Engine {
        catalog: Catalog::connect(&files.url()).await.expect("a catalog"),
        _files: Some(files),
    }
}

async fn postgres() -> Engine {
    let url = Postgres::shared().await.database().await;
    Engine {
        catalog: Catalog::connect(&url).await.expect("a catalog"),
        _files: None,
    }
}

macro_rules! catalog_conformance {
    ($engine:ident) => {
        catalog_conformance!($engine:
            accounts::a_name_is_taken_once,
            accounts::a_name_with_a_plus_is_a_robots,
            accounts::a_new_password_ends_sessions_and_tokens,
            accounts::a_disabled_account_takes_its_robots_and_sessions_with_it,
            accounts::a_robot_is_found_by_its_full_name_and_deleted_with_its_rights,
            accounts::a_session_ends_at_its_expiry,
            accounts::every_change_to_people_is_in_the_audit_trail_once,
            accounts::the_latest_signing_key_comes_first,
            generations::rights_and_policies_move_the_counters_of_all,
            generations::tags_manifests_and_lost_blobs_move_their_repository_alone,
            repositories::a_grant_creates_the_repository,
            repositories::a_revoked_role_is_gone_and_ends_tokens,
            repositories::the_creator_gets_the_first_role,
            repositories::only_permitted_repositories_are_listed,
            repositories::many_creators_at_once_make_one_repository,
            credentials::a_token_ends_by_expiry_revocation_and_its_owner,
            credentials::a_refresh_token_ends_with_its_parent_and_its_epoch,
            credentials::a_robots_secrets_are_replaced_one_by_one,
            credentials::a_providers_groups_replace_what_came_from_it,
            rights::the_highest_of_all_roles_counts,
            rights::a_public_repository_is_read_by_everybody,
            rights::who_reads_everything_changes_nothing,
            rights::creation_needs_the_namespace_a_team_or_a_pattern,
            rights::the_database_matches_patterns_as_we_do,
            rights::new_repositories_give_what_their_namespace_says,
            rights::one_superuser_and_one_team_of_owners_remain,
            rights::a_name_whose_repositories_live_is_not_given_away,
            name_pages::a_robots_secrets_and_their_last_use_are_counted,
            name_pages::members_are_listed_with_their_teams,
            name_pages::pages_of_names_go_both_ways_and_hold_what_matches,
            overviews::the_roles_of_a_subject_end_with_their_repositories,
            overviews::namespaces_are_listed_with_what_they_use_and_may_use,
            blobs::an_upload_is_bound_to_its_repository_and_principal,
            blobs::only_one_of_two_writers_advances,
            blobs::an_expired_upload_is_gone_and_taken_once,
            blobs::a_published_blob_is_readable_in_its_repository_only,
            blobs::a_second_object_of_the_same_digest_goes_to_the_trash,
            blobs::publishing_without_a_session_shows_nothing,
            blobs::simultaneous_publishers_keep_one_object,
            blobs::a_mount_needs_the_source_to_have_the_blob,
            blobs::an_anonymous_mount_uses_only_what_the_viewer_may_pull,
            blobs::an_anonymous_mount_asks_the_same_whether_hidden_or_nowhere,
            blobs::missing_blobs_are_named_in_order,
            blobs::a_referenced_blob_cannot_leave,
            blobs::only_an_unpublished_object_is_discarded,
            manifests::the_bytes_come_back_exactly,
            manifests::a_missing_blob_refuses_the_manifest,
            manifests::a_wrong_size_refuses_the_manifest,
            manifests::pushing_again_changes_nothing,
            manifests::sparse_settings_decide_what_may_be_missing,
            manifests::a_child_of_a_live_index_cannot_be_deleted,
            manifests::deleting_a_manifest_ends_its_tags,
            manifests::referrers_are_listed_by_subject_type_and_page,
            manifests::the_subject_may_come_later,
            manifests::a_signature_by_tag_is_not_in_the_referrers_list,
            manifests::an_index_under_a_subjects_tag_attaches_what_names_the_subject,
            manifests::a_blob_leads_to_its_manifests,
            manifests::a_large_index_keeps_every_child_in_order,
            manifests::pushes_deletes_and_uploads_at_once_never_fail,
            manifests::jobs_exist_if_and_only_if_the_manifest_does,
            tags::a_moved_tag_keeps_its_history,
            tags::tags_are_listed_in_ascii_order_by_pages,
            tags::tags_that_prefix_each_other_are_all_listed,
            tags::an_immutable_tag_neither_moves_nor_ends,
            tags::several_tags_move_together_or_not_at_all,
            tags::many_pushes_of_one_tag_leave_one_live_row,
            tag_life::a_deleted_tag_is_restored_inside_its_window,
            tag_life::windows_are_per_namespace,
            tag_life::an_image_deleted_by_digest_comes_back_whole,
            tag_life::a_push_shows_a_deleted_manifest_again,
            tag_life::a_blob_of_a_deleted_image_may_leave_and_ends_the_way_back,
            tag_life::a_permanent_deletion_leaves_no_way_back,
            expiry::a_tag_is_gone_at_its_expiry_before_any_job,
            expiry::an_expiry_is_set_taken_away_and_announced_once,
            immutability::rules_of_every_scope_make_tags_immutable,
            immutability::a_label_makes_a_tag_immutable,
            immutability::an_expiring_tag_is_not_made_immutable_and_no_immutable_tag_expires,
            immutability::nothing_changes_in_a_closed_repository_or_system,
            tag_life::the_past_is_told_as_it_was,
            tag_life::every_change_of_a_tags_life_is_in_the_audit_trail_once,
            tag_spans::spans_follow_each_other_whatever_the_clock_does,
            tag_spans::what_ran_out_holds_nothing_before_it_is_closed,
            tag_spans::a_tag_that_moves_meanwhile_is_found,
            tag_spans::an_image_deleted_for_good_is_gone_at_once,
            tag_spans::a_child_that_only_the_index_led_to_goes_with_it,
            tag_spans::a_child_that_was_never_there_is_not_counted,
            usage::a_blob_counts_once_in_its_namespace,
            usage::what_is_counted_is_what_is_there_under_simultaneous_pushes,
            usage::a_quota_refuses_what_is_too_much_and_warns_before,
            usage::what_is_being_uploaded_counts_before_it_is_there,
            usage::a_deleted_repository_frees_its_name_and_leaves_nothing,
            usage::pulls_are_added_up_by_day,
            usage::the_nearest_policy_is_in_force,
            usage::what_follows_is_no_candidate,
            usage::nothing_below_an_immutable_tag_is_taken_away,
            evidence::the_first_layer_report_stays,
            evidence::an_image_report_is_replaced,
            evidence::only_tagged_images_with_another_snapshot_are_matched_again,
            evidence::a_grade_that_has_dropped_is_matched_again,
            evidence::a_stamp_changes_with_the_report,
            evidence::an_image_is_found_by_its_packages,
            evidence::the_latest_decision_is_the_current_one,
            evidence::decisions_are_listed_latest_first_by_pages,
            evidence::a_policy_text_is_published_once_per_change,
            jobs::a_delayed_job_is_hastened_but_not_a_failed_one,
            jobs::a_job_that_was_done_before_its_time_goes_unless_somebody_waits,
            jobs::a_key_is_queued_once_until_its_job_ends,
            jobs::four_claimers_never_claim_the_same_job,
            jobs::an_expired_lease_moves_and_the_fence_refuses_the_first_owner,
            jobs::a_heartbeat_keeps_the_lease,
            jobs::lanes_do_not_see_each_other,
            jobs::results_and_end_are_one_transaction,
            jobs::a_failing_job_pauses_then_dies_and_can_be_revived,
            login_failures::a_refusal_counts_for_the_pair_the_account_and_the_address,
            login_failures::counts_of_refusals_run_out,
            login_failures::a_sign_in_forgets_the_pair_and_a_new_password_the_account,
            login_failures::refusals_at_once_are_all_counted,
            schedules::a_schedule_keeps_its_place_until_its_expression_changes,
            schedules::what_is_due_is_queued_once,
            schedules::a_job_still_open_is_not_queued_again_and_the_schedule_goes_on,
            sign_ins::an_account_goes_and_comes_with_its_only_identity,
            sign_ins::an_account_with_another_way_in_loses_only_what_was_given,
            sign_ins::a_group_takes_back_only_the_right_it_gave,
            sign_ins::each_identity_is_taken_for_a_check_once,
            promises::a_promise_keeps_what_would_go,
            promises::a_promised_manifest_outlives_its_protection,
            store_checks::a_quarantined_blob_is_not_had_and_a_new_upload_heals_it,
            store_checks::only_the_object_that_was_looked_at_is_judged,
            store_checks::a_collected_blob_takes_its_finding_along,
            store_checks::what_a_row_names_is_never_discarded_as_unknown,
            store_checks::a_round_remembers_where_it_is,
            trail::refusals_of_one_kind_are_one_entry,
            upstreams::an_upstream_comes_back_as_it_was_written,
            upstreams::a_secret_goes_with_the_address_it_was_given_for,
            upstreams::a_mirror_remembers_how_it_went,
            upstreams::unused_cached_tags_are_found_below_their_namespace,
            pages::the_tag_page_joins_everything_known,
            pages::tags_come_in_every_order_page_by_page,
            pages::the_repository_list_sums_up,
            pages::figures_hold_while_their_stamp_stands_still,
            tag_figures::figures_are_those_of_the_rows,
            tag_figures::simultaneous_changes_and_folds_lose_no_figure,
            tag_figures::many_pending_changes_are_folded_in_steps,
            pages::filters_take_wildcards_literally,
            pages::endpoints_tell_how_they_fare,
        );
    };
    ($engine:ident: $($module:ident::$case:ident,)+) => {
        mod $engine {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    let engine = super::$engine().await;
                    super::$module::$case(engine.catalog.clone()).await;
                    engine.catalog.close().await;
                }
            )+
        }
    };
}

catalog_conformance!(sqlite);
catalog_conformance!(postgres);
