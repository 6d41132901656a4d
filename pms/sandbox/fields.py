"""Which fields each API answers with.

Source: the field lists of the vendor's public API pages. Every API has a default set and a larger one that
`fields=get_all` unlocks; the larger one is mostly "default plus more", but `providers` swaps some names, so both are
kept whole.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

Row = dict[str, str]


@dataclass(frozen=True)
class FieldTable:
    """The fields of one API: `default` of a plain call, `everything` of `fields=get_all`, both in answer order."""

    default: tuple[str, ...]
    everything: tuple[str, ...]

    def row(self, **values: str) -> Row:
        """A full row with "" for every field not named, as Sikka writes an absent value."""
        if unknown := values.keys() - self._blank.keys():
            raise KeyError(f"not fields of this API: {sorted(unknown)}")
        return self._blank | values

    @cached_property
    def _blank(self) -> Row:
        return dict.fromkeys((*self.default, *self.everything), "")


def words(text: str) -> tuple[str, ...]:
    """The words of `text`, in order."""
    return tuple(text.split())


def _table(default: str, extra: str = "") -> FieldTable:
    return FieldTable(default=words(default), everything=words(default) + words(extra))


def _numbered(stems: Iterable[str], numbers: Iterable[int]) -> str:
    return " ".join(stem.format(n=number) for number in numbers for stem in stems)


_CODE = ("procedure_code{n}", "procedure_code{n}_amount", "procedure_code{n}_time")
DAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")

APPOINTMENTS = _table(
    """href patient_href patient_id guarantor_id provider_id provider_href practice_id practice_href guarantor_href
    amount status note surface_quadrant_type appointment_sr_no date time length description appointment_made_date type
    patient_name guarantor_name surface_quadrant """
    + _numbered(_CODE, range(1, 4)),
    """hygienist operatory last_changed_date is_companion sooner_if_possible confirmed_on_date tooth_number schedule
    treatment_class cancelled location procedure_codes cust_id is_confirmed rowhash original_provider status_in_office
    multiple_statuses performed cancelled_date arrival_status arrival_time in_chair_time walkout_time
    service_category """
    + _numbered(_CODE, range(4, 8)),
)

PATIENTS = _table(
    """href patient_id guarantor_id firstname middlename lastname preferred_name salutation birthdate status
    address_line1 address_line2 city state zipcode cell email first_visit last_visit provider_id provider_href
    practice_id practice_href appointment_href guarantor_href primary_insurance_company_id
    primary_insurance_company_href primary_relationship primary_medical_insurance primary_medical_insurance_id
    primary_medical_relationship primary_medical_subscriber_id subscriber_id other_referral patient_referral
    referred_out fee_no guarantor_first_name guarantor_last_name created_date preferred_contact
    preferred_communication_method""",
    """patient_note medical_note alert_note other_note gender homephone workphone employer_id employer_href
    billing_type secondary_insurance_company_id secondary_insurance_company_href country secondary_medical_insurance
    secondary_medical_insurance_id secondary_medical_relationship secondary_medical_subscriber_id
    secondary_relationship patient_account_id referred_by_provider_id referred_by_patient_id image thumb_image
    hygienist integration_ids patient_codes primary_insurance secondary_insurance other_phone ui_patient_id
    marital_status cust_id secondary_subscriber_id secondary_fee_schedule email_alert text_alert voice_alert
    primary_subscriber_patient_id secondary_subscriber_patient_id guarantor_bill_type
    guarantor_bill_type_description bill_type guarantor_patient_id rowhash chart_number preferred_recall_method
    exclude_message extension guarantor_is_send_statements guarantor_no_email_statements suppress_billing
    profile_status""",
)

PRACTICES = _table(
    """href patient_href address_line1 address_line2 city state zipcode email provider_href practice_id
    appointment_href guarantor_href transaction_href description name cust_id phone""",
    "country national_provider_identifier website is_main_office",
)

_PROVIDER_BOTH = """href provider_id firstname lastname address_line1 address_line2 city state zipcode country phone
    provider_type practice_id practice_href patient_href appointment_href status provider_account_id state_id
    tax_identification_number medicaid_id national_provider_identifier email birthdate hire_date graduated_date
    initials ssn other_id bluecross_id fee_schedule_id federal_id_no federal_id_sub_no gl_sub_account_number is_hidden
    cust_id specialty_code """

# get_all spells `speciality` where the default set has `specialty`, and drops drug_id and the Medicare number.
PROVIDERS = FieldTable(
    default=words(_PROVIDER_BOTH + "specialty drug_id medicare_id"),
    everything=words(_PROVIDER_BOTH + "speciality medicare_id is_organization external_id is_user"),
)

OPERATORIES = _table("provider_id practice_id operatory cust_id is_hidden abbreviation")

PRACTICE_SCHEDULE = _table(
    "href practice_id practice_href date cust_id resource_type resource_id",
    " ".join(
        [f"{day}_{edge}_{number}" for day in DAYS for number in (1, 2, 3) for edge in ("start", "end")]
        + [f"{day}_holiday" for day in DAYS]
    ),
)

PRACTICE_VARIABLES = _table("href practice_id practice_href description service_name value", "service_item")

APPOINTMENT_STATUSES = _table("href status practice_id practice_href")

WRITEBACK_DETAILS = _table("href practice_id practice_href description cust_id category item")

MEDICAL_NOTES = _table(
    """href patient_href patient_id provider_id provider_href practice_id practice_href transaction_sr_no
    transaction_href surface clinical_condition_id date description type tooth_number procedure_date text
    procedure_code_id procedure_code_href time_stamp other_description error_code""",
    "created_by cust_id note_id communication_method",
)

NOTE_TYPES = _table("href practice_id practice_href description type cust_id item")

# "reamining" is the vendor's spelling. The larger set adds nothing here, nor for patient_balance.
SUBSCRIBERS = _table(
    """href patient_href patient_id firstname middlename lastname salutation birthdate gender address_line1
    address_line2 city state zipcode practice_id practice_href subscriber_id type insurance_company_id
    insurance_company_href employer_name patient_relation identification_type individual_used
    individual_used_treatment_plan individual_deductible_remaining ortho_used ortho_used_treatment_plan
    insurance_effective_date family_deductible_reamining"""
)

# The name of the company is only in the larger set.
INSURANCE_COMPANIES = _table(
    """href address_line1 address_line2 city state zipcode employer_id employer_href practice_id practice_href country
    fee_no phone insurance_company_id payer_id maximum_yearly_benefit group_plan_number renew_month
    maximum_family_benefit insurance_type plan_type sub_type is_maximum_coverage maximum_coverage_amount
    family_deductible_limit individual_deductible_limit individual_ortho_maximum_limit charge_per_visit notes
    insurance_plan_status mail_to_insurance_company_id pre_authorization_mail_to_insurance_company_id eligibility fax
    default_employer""",
    "cust_id insurance_company_name group_plan_name carrier_id rendering_provider_address",
)

AGES = ("less_than_30", "between_30_60", "between_60_90", "greater_than_90")

PATIENT_BALANCE = _table(
    " ".join(
        [
            "patient_id firstname lastname practice_id current_date practice_name customer_id chart_number",
            *(f"{owner}_amount_{age}" for owner in ("patient", "insurance") for age in AGES),
            "patient_balance unapplied insurance_due patient_due account_balance write_off",
        ]
    )
)

TRANSACTIONS = _table(
    """href patient_href patient_id guarantor_id provider_id provider_href practice_id practice_href guarantor_href
    transaction_sr_no transaction_type transaction_date procedure_code procedure_description amount
    transaction_entry_date estimated_insurance_payment tooth_from tooth_to quantity claim_sr_no claim_href payment_type
    surface note created_by last_updated_by primary_insurance_estimate""",
    """invoice_number invoice_status invoice_item pre_authorization_id is_group_transaction cheque_no
    clinical_condition_id collection_provider_id secondary_insurance_estimate surface_quadrant_type appointment_sr_no
    cust_id prosthesis billed_to_insurance insurance_payment_date secondary_billed_to_insurance
    original_prosthesis_date rowhash amount_paid transaction_code transaction_description payment_procedure_link_id
    payment_method transaction_time""",
)

PAYMENT_TYPES = _table("href practice_id practice_href description code", "cust_id payment_type_status")

WRITEBACK_STATUS = _table(
    """id office_id method api payload_body appointment_sr_no request_time is_completed has_error completed_time
    result practice_id status patient_id created_id"""
)

WRITEBACKS = _table(
    """href description id result office_id method completed_time api_name api_request_body command_time
    duration_in_second"""
)

AUTHORIZED_PRACTICES = _table(
    """href city state practice_id address zip office_id domain secret_key practice_name practice_management_system
    financial_system practice_management_system_refresh_date data_synchronization_date data_insert_date
    practice_management_system_version practice_management_system_refresh_date_time_zone partner_id
    financial_system_refresh_date financial_system_version difference_in_minutes email"""
)

PRACTICE_LOCATION = _table("city state email practice_id phone zip_code address practice_name access")

SUPPORTED_PMSES = _table(
    """specialty domain practice_management_system practice_management_system_version
    display_practice_management_system_name appointment_status_writeback payment_writeback new_appointment_writeback
    new_patient_writeback note_writeback claim_notes_status_writeback insurance_payment_writeback
    lab_result_writeback"""
)

DATA_SYNC_STATUS = _table(
    """status practice_id office_id domain practice_name practice_management_system data_insert_date
    practice_management_system_version practice_management_system_refresh_date_time_zone"""
)

HEALTH_CHECK = _table(
    """href practice_id office_id domain practice_management_system practice_management_system_version spc_id
    refresh_time teamviewer_id teamviewer_version spc_version practice_management_system_version_detected
    practice_management_system_data_path financial_management_system financial_management_system_version
    financial_management_system_version_detected financial_management_system_data_path spc_schedule_time
    spc_schedule_type spc_schedule_interval is_spc_update_locked spc_update_lock_note last_spc_updated_checked
    is_delta_import_enable etl_start etl_end web_upload_start web_upload_end financial_etl_start financial_etl_end
    etl_error_log etl_error_priority etl_error_description etl_cpu_utilization etl_memory_utilization
    financial_error_priority financial_error_description financial_etl_cpu_utilization
    financial_etl_memory_utilization local_insert_error_log local_insert_error_priority local_insert_cpu_utilization
    local_insert_memory_utilization local_upload_error_description web_upload_error_flag web_upload_error_priority
    web_upload_bandwidth_utilization web_upload_error_description upload_to_server upload_to_client spc_error_flag
    spc_error_priority spc_error_description timezone etl_version is_inactive operating_system machine_name
    disk_free_space download_speed memory"""
)
