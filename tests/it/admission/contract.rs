//! What every store that decides has to do, tested on each of them.

mod budgets;
mod conclusions;
mod consent;
mod drained;
mod early;
mod idempotency;
mod key;
mod leases;
mod own_events;
pub(crate) mod races;
mod scopes;
mod settlement;
mod switches;
mod time;

/// Instantiates the suite for one store: `$open` is an async function that returns a `Fresh`.
macro_rules! admission_contract {
    ($store:ident, $open:path) => {
        mod $store {
            admission_contract!(@tests $open: budgets {
                the_eighth_of_eight_calls_is_admitted_and_the_ninth_is_not
                fourteen_vendors_and_five_more_of_fifteen_are_refused_whole
                several_budgets_are_taken_together_or_not_at_all
                the_first_budget_in_the_way_is_named
                what_was_used_beyond_all_numbers_is_still_recorded
                a_lease_beyond_all_times_is_a_long_one
                a_budget_without_a_limit_worth_naming_is_never_used_up
                requests_have_budgets_of_their_own_and_share_the_day
                a_charge_below_zero_or_a_budget_twice_is_refused_by_the_store
                an_admitted_intent_is_chained_and_a_refused_one_is_not
            });
            admission_contract!(@tests $open: conclusions {
                an_effect_in_doubt_that_was_performed_keeps_its_charge_and_its_key
                an_effect_in_doubt_that_was_not_performed_gives_both_back
                a_lease_expires_once_and_only_when_it_is_over
                what_is_running_or_has_ended_is_not_concluded
                a_lease_that_is_over_may_be_resolved_without_being_expired
                the_same_conclusion_again_gets_its_first_receipt
                an_effect_cancelled_by_its_outcome_can_be_resolved
                an_outcome_after_its_lease_settles_the_effect
                an_outcome_after_a_resolution_is_what_counts
                open_effects_are_listed_in_the_order_in_which_their_leases_end
                pages_of_open_effects_follow_each_other
            });
            admission_contract!(@tests $open: consent {
                without_a_grant_there_is_no_consent
                a_grant_lets_a_call_pass_until_its_default_lifetime_is_over
                a_grant_that_says_when_it_lapses_lapses_then
                no_hosts_clock_ends_or_prolongs_a_grant
                a_grant_without_an_end_holds
                a_denial_counts_unless_a_grant_elsewhere_is_clearly_younger
                the_last_word_counts
                a_grant_of_another_consent_or_another_request_is_none
                a_grant_in_the_conversation_counts_for_the_request
            });
            admission_contract!(@tests $open: drained {
                a_drained_intent_makes_an_entry
                a_drained_intent_leaves_an_entry_as_it_is
                a_drained_intent_whose_key_is_held_has_no_key
                a_drained_outcome_settles_a_drained_intent
                the_lease_of_a_drained_intent_begins_with_its_entry
                an_intent_that_does_not_say_its_effect_is_an_event_like_any_other
                keyed_hashes_pass_through_the_sealing_as_they_are
            });
            admission_contract!(@tests $open: early {
                what_has_an_outcome_is_not_admitted
                an_outcome_before_its_drained_intent_is_one_effect
                a_key_that_another_effect_took_meanwhile_stays_with_that
                what_is_stored_does_not_become_an_outcome
                a_claim_whose_intent_is_recorded_without_an_entry_is_an_error
                a_claim_and_its_outcome_at_once_leave_nothing_held
            });
            admission_contract!(@tests $open: idempotency {
                what_is_told_again_with_other_content_is_an_error
                the_same_claim_again_gets_its_first_receipt_and_takes_nothing
                a_failed_claim_again_gets_its_first_receipt_even_when_its_key_is_anothers
                a_key_with_another_input_is_a_conflict
                a_key_whose_effect_succeeded_replays_the_same_bytes
                an_answer_prints_nothing_of_what_it_replays
                a_key_whose_effect_runs_is_in_progress
                a_key_whose_lease_is_over_is_in_doubt
                a_key_whose_effect_was_cancelled_is_in_doubt
                a_key_is_free_again_once_its_effect_failed_or_was_voided
                an_effects_id_is_never_used_twice
                what_a_key_says_goes_before_every_other_obstacle
                an_intent_whose_id_is_taken_is_an_error_and_takes_nothing
            });
            admission_contract!(@tests $open: own_events {
                the_librarys_events_come_only_with_what_they_report
                an_intent_is_an_admission_and_nothing_else_is
                the_event_of_an_admission_says_that_claim
                however_the_event_of_an_admission_is_written_the_answer_is_the_same
                a_name_that_reads_like_more_than_a_name_is_no_name
                the_event_of_a_flip_says_that_flip
                the_event_of_a_conclusion_says_that_conclusion
                no_program_records_what_only_the_database_can_know
            });
            admission_contract!(@tests $open: key {
                the_first_key_is_kept_and_another_is_refused
                a_claim_may_be_the_first_to_bring_a_key
                of_many_keys_at_once_one_is_kept
                a_rotation_is_recorded_and_the_old_key_is_refused
                nothing_is_admitted_under_a_key_once_it_was_replaced
                without_the_key_in_use_nothing_is_rotated
                effects_of_before_a_rotation_are_found_again
                an_intent_that_is_drained_after_a_rotation_is_found_by_its_old_key
            });
            admission_contract!(@tests $open: leases {
                a_renewed_lease_ends_its_length_from_now
                a_lease_that_is_over_is_not_revived
                what_has_ended_or_is_unknown_is_not_renewed
                a_renewal_appends_nothing_and_names_no_other_effect
                the_lease_of_a_drained_intent_is_renewed
                a_thousand_leases_are_renewed_at_once
            });
            admission_contract!(@tests $open: races {
                fifty_claims_at_once_for_eight_places_admit_eight
                claims_of_two_budgets_at_once_leave_both_sums_right
                a_hundred_claims_of_one_key_at_once_admit_one
                a_claim_told_at_once_many_times_is_admitted_once
                nothing_is_admitted_once_a_switch_is_set
            });
            admission_contract!(@tests $open: scopes {
                a_takeover_stops_the_ai_in_its_conversation_and_nothing_else
                a_stop_of_a_request_stops_no_other_of_its_conversation
                a_conversation_and_a_request_may_have_one_id
                the_narrowest_scope_in_the_way_is_named
                an_effect_that_names_only_its_request_is_in_the_conversations_of_its_events
                a_time_limit_ends_a_stop_by_the_stores_clock
                a_time_limit_that_has_passed_or_is_everywhere_is_refused
                a_flip_is_chained_in_the_stream_of_its_scope
                the_same_flip_of_a_scope_again_undoes_no_later_one
                the_event_of_a_flip_says_its_scope_and_its_limit
                forgetting_a_switch_releases_no_conversation
            });
            admission_contract!(@tests $open: settlement {
                what_was_used_settles_what_was_reserved
                tokens_of_every_kind_count
                what_was_used_may_pass_the_limit_and_then_nothing_is_admitted
                a_success_that_does_not_say_what_it_used_keeps_its_charge
                a_failure_is_settled_too
                what_was_not_performed_or_refused_gives_its_charges_back
                what_was_cancelled_or_panicked_holds_its_charges
                a_day_is_settled_as_a_request_is
                an_outcome_twice_settles_once
                a_second_outcome_in_conflict_settles_nothing
                an_outcome_in_a_batch_of_others_settles_its_effect
                an_event_that_is_no_outcome_settles_nothing
                an_outcome_of_another_request_is_refused
                an_outcome_of_another_request_than_its_drained_intent_is_refused
                a_drain_sets_an_outcome_of_another_request_aside_and_goes_on
            });
            admission_contract!(@tests $open: switches {
                a_switch_that_was_never_set_is_engaged
                a_switch_governs_what_names_it_and_nothing_else
                switches_are_read_back_as_they_were_set
                a_flip_is_chained_in_the_systems_stream
                the_same_flip_again_undoes_no_later_one
                a_switch_goes_before_consent_budget_and_time
                a_claim_of_several_switches_needs_each_and_the_first_in_the_way_is_named
                a_forgotten_switch_stays_engaged_and_is_listed_no_more
            });
            admission_contract!(@tests $open: time {
                the_limit_runs_from_when_the_store_heard_of_the_request
                no_hosts_clock_refuses_or_prolongs_anything
                the_longest_wait_counts_and_one_that_landed_before_counts_once
                a_request_without_an_event_has_taken_no_time
                a_shortlist_ends_the_limit
                an_effect_without_a_limit_is_not_timed
                budgets_go_before_time
                the_first_shortlist_is_told_with_its_time_since_the_first_event
                a_shortlist_dated_before_its_requests_first_event_has_no_time
                a_store_that_is_there_says_that_it_answers
                events_before_a_place_are_told_by_their_types_and_in_their_order
            });
        }
    };
    (@tests $open:path: $part:ident { $($name:ident)* }) => {
        mod $part {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    let fresh = $open().await;
                    let case = crate::support::claims::Case::new(fresh.store.clone());
                    crate::admission::contract::$part::$name(case).await;
                    drop(fresh.keep);
                }
            )*
        }
    };
}

admission_contract!(sqlite, crate::support::stores::sqlite);
admission_contract!(memory, crate::support::stores::memory);
admission_contract!(layered, crate::support::stores::layered);
admission_contract!(postgres, crate::support::stores::postgres);
admission_contract!(pgbouncer, crate::support::stores::pgbouncer);
