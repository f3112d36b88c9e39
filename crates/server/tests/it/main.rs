//! The server from outside: every case is a running server, its HTTP surface, and a real database.
//!
//! One suite runs on the four combinations of SQLite and PostgreSQL with files and an S3 bucket. Adding a case: an `async fn` that takes a [`world::World`], and its name
//! in [`server_conformance!`].

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(
    clippy::print_stdout,
    reason = "measured figures are shown with `--nocapture`"
)]

mod analysis;
mod audit;
mod auth;
mod blobs;
mod collection;
mod conformance;
mod entries;
mod foreign;
mod gate;
mod lists;
mod login;
mod manifests;
mod matrix;
mod metrics;
mod migrate;
mod openapi;
mod operations;
mod organisation_pages;
mod outage;
mod pages;
mod people;
mod people_pages;
mod protocol;
mod rules_pages;
mod security;
mod storage;
mod tag_life;
mod uploads;
mod upstream;
mod webhooks;
mod world;

use entries::{forms, rotation};
use login::{directory, oidc, program, revocation, throttle};
use pages::system;
use upstream::{hostile, mirror, proxy, upkeep};

macro_rules! server_conformance {
    ($engine:ident) => {
        server_conformance!($engine:
            auth::the_ping_challenges_whoever_is_not_known,
            auth::a_token_grants_what_is_asked_and_allowed,
            auth::a_token_never_does_more_than_its_scopes,
            auth::a_token_cannot_be_turned_into_another,
            auth::a_password_grant_answers_like_a_get,
            auth::a_deleted_robot_is_nobody_at_once,
            auth::a_forged_token_opens_nothing,
            blobs::a_blob_is_read_whole_in_part_and_by_head,
            blobs::a_mount_needs_the_right_to_pull_the_source,
            blobs::a_blob_of_another_repository_is_unknown,
            blobs::a_referenced_blob_is_not_deleted,
            conformance::a_blob_is_the_same_however_it_travelled,
            conformance::a_blob_is_refused_under_another_digest_however_it_travelled,
            conformance::a_chunk_out_of_order_is_refused_and_the_session_goes_on,
            conformance::a_session_given_up_is_gone,
            conformance::a_session_hashes_with_the_algorithm_it_was_told,
            conformance::a_part_of_a_blob_is_exactly_that_part,
            conformance::a_blob_is_mounted_with_and_without_its_source,
            conformance::a_mount_of_what_is_not_there_opens_a_session,
            conformance::every_shape_of_content_comes_and_goes,
            conformance::sparse_content_comes_where_it_may,
            conformance::what_no_manifest_is_named_by_is_an_error,
            conformance::a_name_nobody_has_yet_has_no_referrers,
            conformance::referrers_are_described_as_they_describe_themselves,
            conformance::referrers_come_in_pages,
            uploads::a_blob_is_pushed_in_every_way,
            uploads::a_chunk_out_of_place_is_refused_before_its_bytes,
            uploads::a_wrong_digest_leaves_nothing,
            uploads::a_broken_body_keeps_what_arrived,
            uploads::a_session_is_bound_to_its_repository_and_owner,
            uploads::a_cancelled_session_is_gone,
            uploads::two_writers_of_one_session_lose_nothing,
            uploads::an_end_that_comes_before_its_last_chunk_has_is_told_to_wait,
            uploads::a_body_that_lies_about_its_length_is_never_a_blob,
            storage::an_upload_goes_on_in_another_replica,
            storage::two_replicas_that_write_at_once_lose_nothing,
            storage::two_replicas_that_finish_at_once_keep_the_blob,
            people::a_public_repository_is_pulled_by_anybody,
            people::a_scoped_token_does_what_it_names_and_dies_with_its_row,
            people::leaving_a_team_ends_what_it_gave_at_once,
            people::a_robots_secret_is_replaced_without_a_pause,
            people::ids_of_others_do_not_exist,
            people::unknown_fields_are_refused_everywhere,
            people::a_person_begins_changes_and_ends,
            people_pages::a_token_is_made_by_a_form_and_shown_once,
            people_pages::a_token_that_makes_no_sense_is_refused_in_words,
            people_pages::a_password_is_changed_by_whoever_knows_it,
            people_pages::a_robot_begins_changes_and_ends_by_forms,
            people_pages::what_is_no_form_of_an_account_does_nothing,
            organisation_pages::every_page_about_people_gives_every_visitor_what_is_theirs,
            organisation_pages::teams_and_members_come_and_go_by_forms,
            organisation_pages::rights_below_a_namespace_are_given_and_taken_by_forms,
            organisation_pages::a_repositorys_settings_are_changed_by_forms,
            organisation_pages::a_retention_policy_is_tried_before_it_is_saved,
            organisation_pages::usage_and_quotas_are_shown_and_set_by_forms,
            rules_pages::robots_and_members_are_shown_by_pages,
            rules_pages::tokens_are_filtered_and_ordered,
            rules_pages::the_rules_of_a_namespace_are_set_by_forms,
            rules_pages::the_rules_of_the_system_hold_where_none_is_nearer,
            matrix::every_route_gives_every_caller_what_is_theirs,
            manifests::a_manifest_comes_back_byte_for_byte,
            manifests::what_is_no_manifest_is_refused,
            manifests::a_manifest_needs_its_blobs,
            manifests::several_tags_arrive_with_one_push,
            manifests::deletes_are_seen_at_once,
            manifests::referrers_are_an_index_and_never_missing,
            manifests::absurd_sizes_are_only_words,
            lists::tags_come_in_pages,
            lists::the_api_lists_every_tag_page_by_page,
            lists::a_list_of_repositories_counts_again_what_moved,
            lists::the_catalog_shows_what_the_caller_may_pull,
            lists::people_teams_and_robots_come_in_pages_of_names,
            lists::what_recurs_comes_in_pages,
            lists::who_a_person_is_elsewhere_is_theirs_to_see,
            metrics::what_is_exported_is_documented_and_the_other_way_round,
            metrics::every_kind_of_work_is_counted_where_it_happens,
            openapi::a_change_demands_a_credential,
            openapi::a_documented_route_asks_who_calls,
            openapi::a_name_is_one_segment_or_ends_with_a_dash,
            openapi::a_refusal_is_a_problem_document,
            program::a_provider_of_another_maker_is_understood,
            oidc::a_visitor_signs_in_at_a_provider,
            oidc::a_code_works_once,
            oidc::signing_in_at_a_provider_leads_to_no_other_site,
            oidc::only_a_valid_token_lets_somebody_in,
            oidc::a_callback_counts_only_where_it_began,
            oidc::new_keys_are_asked_for_at_most_once_a_minute,
            oidc::the_user_information_completes_a_token,
            oidc::who_may_come_in_is_a_setting,
            oidc::groups_become_rights_and_go_again,
            oidc::a_provider_that_is_away_or_private_is_no_fault,
            revocation::a_provider_is_asked_again_and_groups_follow,
            revocation::whoever_a_provider_ends_loses_everything_soon,
            revocation::a_silent_provider_is_believed_for_a_day,
            revocation::where_nothing_can_be_asked_a_sign_in_counts_for_a_time,
            directory::a_directorys_password_works_at_every_door,
            directory::what_the_directory_does_not_confirm_is_refused,
            directory::guessing_at_the_directory_is_slowed_down_too,
            directory::connections_to_the_directory_are_checked,
            directory::a_searcher_that_is_refused_is_no_wrong_password,
            directory::a_connection_that_broke_is_made_again,
            directory::who_leaves_the_directory_loses_everything_soon,
            directory::a_group_that_ends_takes_its_members_along,
            throttle::guessing_is_slowed_down_at_every_door,
            throttle::refusals_are_shared_by_replicas_and_survive_a_restart,
            throttle::nobody_locks_an_account_for_another_address,
            throttle::parallel_guesses_are_counted_one_by_one,
            throttle::a_right_robot_token_never_waits,
            throttle::an_address_that_tries_many_names_waits,
            protocol::deletion_can_be_switched_off,
            protocol::a_type_that_is_not_accepted_is_404_only_where_that_is_asked_for,
            protocol::content_in_use_can_be_deleted_where_that_is_allowed,
            protocol::a_blob_has_a_largest_size,
            protocol::chunks_have_a_wished_size,
            protocol::one_request_too_many_is_told_to_come_back,
            protocol::only_a_listed_proxy_is_believed,
            protocol::a_name_must_fit_behind_the_host,
            protocol::signatures_are_kept_beside_their_manifest,
            protocol::every_client_finds_what_it_relies_on,
            security::odd_names_are_answers_and_never_faults,
            security::robots_make_neither_repositories_nor_robots,
            security::unknown_and_forbidden_are_the_same_answer,
            security::a_nul_is_never_a_fault,
            security::a_tampered_upload_is_an_error_and_nothing_else,
            security::a_flood_of_scopes_is_an_answer,
            gate::a_denied_pull_says_why_and_where,
            gate::every_way_to_an_image_gives_the_same_answer,
            gate::a_layer_kept_elsewhere_opens_no_way,
            gate::a_shared_base_stays_available,
            gate::modes_and_policies_count_at_once,
            gate::artifacts_are_never_gated,
            gate::an_artifact_opens_no_refused_layer,
            gate::an_index_is_as_usable_as_its_platforms,
            gate::nested_indexes_end,
            gate::a_pending_image_is_held_then_refused,
            gate::new_advisories_turn_a_verdict_without_a_push,
            gate::a_question_asked_twice_stores_one_decision,
            gate::a_policy_of_a_tag_follows_the_image,
            analysis::a_report_is_there_when_the_push_returns,
            analysis::a_stored_job_finishes_what_a_crash_left,
            analysis::a_push_that_ends_well_leaves_no_job_behind,
            analysis::hostile_layers_are_pushed_and_never_allowed,
            analysis::hostile_names_are_stored,
            analysis::a_job_of_an_unknown_kind_is_retried_and_never_lost,
            analysis::a_dead_job_is_listed_and_retried,
            entries::every_change_leaves_its_entries_and_a_refused_one_none,
            forms::every_form_leaves_its_entries_and_a_refused_one_none,
            forms::signing_in_and_out_are_told,
            rotation::old_entries_are_packed_and_exported_all_the_same,
            rotation::entries_of_an_age_are_packed_and_younger_ones_are_not,
            entries::refusals_are_told_once_and_counted,
            audit::the_trail_is_filtered_and_comes_in_pages,
            audit::the_trail_is_shown_to_those_it_is_about,
            audit::an_export_is_whole_and_harmless,
            webhooks::a_push_is_told_and_signed,
            webhooks::each_change_is_told_to_those_who_ask,
            webhooks::what_fails_is_tried_again_then_dead_then_sent_again,
            webhooks::odd_receivers_do_no_harm,
            webhooks::no_address_leads_into_the_house,
            webhooks::a_stored_secret_stays_with_its_address,
            webhooks::a_foreign_webhook_does_not_exist,
            webhooks::a_restart_forgets_nothing,
            webhooks::two_replicas_tell_each_event_once,
            proxy::a_pull_fills_the_cache_and_the_next_needs_no_upstream,
            proxy::an_outage_serves_what_is_cached_and_says_so,
            proxy::simultaneous_pulls_fetch_once,
            proxy::a_second_replica_serves_what_the_first_fetched,
            proxy::a_moved_tag_is_followed_and_an_ended_one_ends,
            proxy::signatures_and_referrers_come_along,
            proxy::nothing_is_pushed_into_a_cache,
            proxy::names_that_are_not_allowed_are_not_asked_for,
            proxy::only_named_blobs_are_fetched,
            proxy::a_cached_image_is_judged_like_a_pushed_one,
            proxy::who_may_not_pull_learns_nothing_and_asks_nothing,
            hostile::content_that_is_not_what_was_asked_for_is_never_kept,
            hostile::a_broken_transfer_goes_on_where_it_broke,
            hostile::limits_and_faults_are_told_in_the_right_words,
            hostile::a_credential_never_reaches_another_host,
            hostile::an_edited_address_loses_the_credential,
            hostile::secrets_go_in_and_never_out,
            mirror::a_mirror_copies_everything_that_belongs_to_an_image,
            mirror::a_filter_chooses_and_a_dry_run_changes_nothing,
            mirror::one_tag_that_fails_does_not_stop_the_others,
            mirror::nothing_is_pushed_into_a_mirror,
            upkeep::unused_copies_make_room,
            upkeep::a_mirror_runs_by_its_plan_and_not_before,
            upkeep::a_mirrored_release_is_taken_back_until_the_next_one,
            pages::signing_in_needs_the_forms_token,
            pages::hostile_texts_are_escaped,
            pages::a_decision_is_shown_to_readers_only,
            tag_life::every_door_gives_an_immutable_tag_the_same_answer,
            tag_life::a_label_of_the_configuration_counts,
            tag_life::a_deleted_image_comes_back_over_the_api,
            tag_life::what_is_deleted_for_good_is_gone_at_once,
            tag_life::retention_says_what_it_would_end_and_ends_it,
            tag_life::a_full_namespace_takes_no_more,
            tag_life::a_closed_registry_still_serves,
            tag_life::scopes_are_governed_by_their_own_people,
            pages::a_tag_is_brought_back_by_its_form,
            pages::tags_are_shown_as_they_were,
            pages::tags_are_paged_by_the_address_alone,
            pages::the_trail_and_the_system_are_for_administrators,
            system::the_system_is_for_administrators,
            system::collection_is_steered_from_its_page,
            system::a_dead_job_is_retried_from_its_page,
            system::a_webhook_is_watched_and_told_again,
            system::a_mirror_that_fails_says_why_and_runs_again,
            pages::a_repositorys_settings_are_shown_to_its_readers,
        );
    };
    ($engine:ident: $($module:ident::$case:ident,)+) => {
        mod $engine {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    let mut world = crate::world::World::$engine().await;
                    crate::$module::$case(&mut world).await;
                    world.stop().await;
                }
            )+
        }
    };
}

server_conformance!(sqlite);
server_conformance!(postgres);
server_conformance!(sqlite_s3);
server_conformance!(postgres_s3);
