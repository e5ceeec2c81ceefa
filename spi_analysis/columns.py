"""Canonical column names and codes, and what they mean, in Indonesian and English.

The tables of docs/output_columns.md are these dictionaries; a test keeps the two together.
"""

from __future__ import annotations

from typing import NamedTuple


class Label(NamedTuple):
    """Human words for a column."""

    id: str
    en: str

    def get(self, language: str) -> str | None:
        """The words in a language; None where there are none."""
        return self._asdict().get(language)


# The sources of the results that KPK publishes, and of a round where nothing else is said.
PUBLISHED_SOURCES = ("internal", "external", "expert")

LABELS: dict[str, Label] = {
    # who and where
    "institution_id": Label("Kode instansi", "Institution code"),
    "name": Label("Nama", "Name"),
    "type": Label("Jenis instansi", "Type of institution"),
    "province_code": Label("Kode provinsi", "Province code"),
    "size_class": Label("Kelas ukuran", "Size class"),
    "person_id": Label("Kode orang (teracak)", "Person code (keyed hash)"),
    "source": Label("Sumber responden", "Source of respondents"),
    # frame
    "unit": Label("Unit kerja", "Unit"),
    "position_class": Label("Kelompok jabatan", "Position class"),
    "service": Label("Layanan", "Service"),
    "expert_group": Label("Kelompok eksper", "Group of experts"),
    "nominator": Label("Pengusul eksper", "Who nominated the expert"),
    "is_asn": Label("Pegawai ASN", "Civil servant (ASN)"),
    "sex": Label("Jenis kelamin", "Sex"),
    "age_group": Label("Kelompok umur", "Age group"),
    "tenure_band": Label("Masa kerja", "Tenure"),
    "unit_tenure_band": Label("Masa kerja di unit", "Tenure in the unit"),
    "channels": Label("Saluran kontak", "Contact channels"),
    "stream": Label("Asal daftar", "Stream"),
    "n_listings": Label("Jumlah baris daftar", "Number of listings"),
    "also_listed_as": Label("Juga terdaftar sebagai", "Also listed as"),
    "is_eligible": Label("Memenuhi syarat", "Eligible"),
    "frame_status": Label("Status dalam daftar", "Frame status"),
    "frame_problem": Label("Catatan daftar", "Frame problem"),
    # sample
    "stratum": Label("Strata", "Stratum"),
    "pop_size": Label("Jumlah populasi strata", "Population of the stratum"),
    "inclusion_prob": Label("Peluang terpilih", "Inclusion probability"),
    "base_weight": Label("Bobot dasar", "Base weight"),
    "prn": Label("Bilangan acak permanen", "Permanent random number"),
    "wave": Label("Gelombang", "Wave"),
    "arm": Label("Kelompok pertanyaan tambahan", "Group of the additional questions"),
    "form": Label("Bentuk kuesioner", "Form of the questionnaire"),
    # events and responses
    "event": Label("Kejadian", "Event"),
    "at": Label("Waktu", "Time"),
    "channel": Label("Saluran", "Channel"),
    "change": Label("Perubahan", "Change"),
    "scope": Label("Berlaku untuk", "Holds for"),
    "reported_by": Label("Dilaporkan oleh", "Reported by"),
    "mode": Label("Cara menjawab", "Mode"),
    "response_id": Label("Kode jawaban (teracak)", "Answer code (keyed hash)"),
    "also_sampled": Label("Nomornya milik orang yang juga terpilih", "Number of somebody who was drawn, too"),
    "started_at": Label("Mulai mengisi", "Started at"),
    "completed_at": Label("Selesai mengisi", "Completed at"),
    # weights
    "disposition": Label("Disposisi akhir (AAPOR)", "Final disposition (AAPOR)"),
    "nr_class": Label("Kelas nonrespons", "Nonresponse class"),
    "elig_weight": Label("Bobot setelah kelayakan tak diketahui", "Weight after unknown eligibility"),
    "nr_weight": Label("Bobot setelah nonrespons", "Weight after nonresponse"),
    "cal_weight": Label("Bobot setelah kalibrasi", "Weight after calibration"),
    "trimmed_weight": Label("Bobot setelah pemangkasan", "Weight after trimming"),
    "recal_weight": Label("Bobot setelah kalibrasi ulang", "Weight after calibration again"),
    "weight": Label("Bobot akhir", "Final weight"),
    # estimates
    "measure": Label("Ukuran", "Measure"),
    "part_kind": Label("Jenis bagian dari ukuran", "Kind of part"),
    "domain_kind": Label("Jenis bagian populasi", "Kind of domain"),
    "domain": Label("Bagian populasi", "Domain"),
    "denominator": Label("Penyebut", "Denominator"),
    "reference_year": Label("Tahun pembanding", "Year compared with"),
    "estimate": Label("Taksiran", "Estimate"),
    "se": Label("Galat baku", "Standard error"),
    "ci_low": Label("Batas bawah rentang", "Lower limit of the interval"),
    "ci_high": Label("Batas atas rentang", "Upper limit of the interval"),
    "level": Label("Tingkat kepercayaan", "Confidence level"),
    "df_design": Label("Derajat bebas", "Degrees of freedom"),
    "n": Label("Jumlah responden", "Number of respondents"),
    "effective_n": Label("Jumlah responden efektif", "Effective number of respondents"),
    "status": Label("Status angka", "Status of the figure"),
    # published
    "year": Label("Tahun", "Year"),
    "institution": Label("Instansi", "Institution"),
    "index": Label("Indeks", "Index"),
    "internal": Label("Skor internal", "Internal score"),
    "external": Label("Skor eksternal", "External score"),
    "expert": Label("Skor eksper", "Expert score"),
    "correction_conduct": Label("Koreksi pelaksanaan survei", "Correction for the survey's conduct"),
    "correction_facts": Label("Koreksi fakta korupsi", "Correction for facts of corruption"),
    "correction_total": Label(
        "Semua koreksi (skor berbobot dikurangi indeks)", "All corrections (weighted scores minus index)"
    ),
    "correction_other": Label(
        "Koreksi ketiga (2022; tidak dinamai KPK)", "Third correction (2022; not named by the commission)"
    ),
    # tables beside a report
    "target": Label("Target", "Target"),
    "source_id": Label("Yang menyebutkannya", "Who says so (in Indonesian)"),
    "source_en": Label("Yang menyebutkannya (bahasa Inggris)", "Who says so"),
    "as_of": Label("Per tanggal", "As of"),
    "listed": Label("Terdaftar", "Listed"),
    "eligible": Label("Memenuhi syarat", "Eligible"),
    "invited": Label("Diundang", "Invited"),
    "needed": Label("Jawaban yang dibutuhkan", "Completes needed"),
    "answered": Label("Menjawab", "Answered"),
    "least": Label("Jawaban paling sedikit yang boleh ditampilkan", "Fewest answers that may be shown"),
    "RR1": Label("Tingkat respons RR1 (AAPOR)", "Response rate RR1 (AAPOR)"),
    "RR3": Label("Tingkat respons RR3 (AAPOR)", "Response rate RR3 (AAPOR)"),
    "kish_deff": Label("Pengaruh bobot (deff Kish)", "Design effect of weighting (Kish)"),
    "log_odds": Label(
        "Log-odds tidak menjawab per simpangan baku skor", "Log-odds of not answering per standard deviation"
    ),
    "under_odds": Label("Angka bila demikian", "Figure if it is so"),
    "under_low": Label("Batas bawahnya", "Its lower limit"),
    "under_high": Label("Batas atasnya", "Its upper limit"),
    "response_share": Label("Persentase yang menjawab", "Share that answers"),
    "code": Label("Kode rekomendasi", "Code of the recommendation"),
    "audience": Label("Untuk siapa", "For whom"),
    "threshold": Label("Ambang", "Threshold"),
    "certainty": Label("Keyakinan bahwa ambang terlampaui", "Confidence that the threshold is passed"),
    "index_variance_share": Label("Sumbangan pada ketidakpastian indeks", "Share of the index's uncertainty"),
    "strength": Label("Jarak dari ambang (dalam galat baku)", "Distance from the threshold (standard errors)"),
    "kind": Label("Jenis bagian", "Kind of part"),
    "part": Label("Bagian", "Part"),
    "score": Label("Skor", "Score"),
    "yardstick": Label("Pembanding", "Compared with"),
    "neutral": Label("Jawaban di tengah (%)", "Neutral answers (%)"),
    "unfavourable": Label("Jawaban buruk (%)", "Unfavourable answers (%)"),
    "p_adjusted": Label("Nilai p, disesuaikan dengan banyaknya perbandingan", "P-value, adjusted for many comparisons"),
    "direction": Label("Arah perubahan yang jelas", "Direction of the change that is clear"),
    "is_clear": Label("Bukti kelemahannya cukup", "Enough evidence that it is weak"),
    "model_estimate": Label("Skor model", "Model-based score"),
    "model_se": Label("Galat baku skor model", "Standard error of the model"),
    "model_ci_low": Label("Batas bawah rentang skor model", "Lower limit of the model's interval"),
    "model_ci_high": Label("Batas atas rentang skor model", "Upper limit of the model's interval"),
    "recommendation": Label("Rekomendasi", "Recommendation"),
    "done": Label("Tindakan dilaporkan selesai", "Actions reported as done"),
    "conforming": Label("Tindakan yang sesuai", "Actions that conform"),
    "validated": Label("Tindakan sesuai yang divalidasi KPK", "Conforming actions validated by the commission"),
    "total": Label("Semua tindakan", "All actions"),
    "tlp": Label("Tindak lanjut (TLP, persen)", "Follow-up (TLP, percent)"),
    # audit of the lists
    "task": Label("Yang perlu diperbaiki", "What to put right"),
    "people": Label("Jumlah orang atau baris", "People or rows"),
    "known": Label("Jumlah orang menurut sumber lain", "People by another source"),
    "share": Label("Persentase dari jumlah yang diketahui", "Share of known people"),
    "no_whatsapp": Label("Tanpa WhatsApp", "Without WhatsApp"),
    "no_email": Label("Tanpa surel", "Without e-mail"),
    "flagged": Label("Diberi catatan", "Flagged"),
    # tables of the national overview
    "recomputed": Label("Indeks dihitung ulang", "Index recomputed"),
    "difference": Label("Selisih", "Difference"),
    "agrees": Label("Sesuai", "Agrees"),
    "plain_mean": Label("Rata-rata sederhana", "Plain mean"),
    "mean": Label("Rata-rata", "Mean"),
    "official": Label("Angka resmi", "Official figure"),
    "gap": Label("Selisih dengan angka resmi", "Gap to the official figure"),
    "explained": Label("Dapat dijelaskan", "Explained"),
    "note": Label("Catatan", "Note"),
    "basis": Label("Asal angka", "What the figure is made from"),
    "sangat_rentan": Label("Sangat Rentan (jumlah instansi)", "Very vulnerable (institutions)"),
    "rentan": Label("Rentan (jumlah instansi)", "Vulnerable (institutions)"),
    "waspada": Label("Waspada (jumlah instansi)", "Watchful (institutions)"),
    "terjaga": Label("Terjaga (jumlah instansi)", "Guarded (institutions)"),
    "years": Label("Tahun yang ada", "Years present"),
    "missing_years": Label("Tahun yang tidak ada", "Years absent"),
    "nearest": Label("Nama terdekat", "Nearest name"),
    # places and the model of the published years
    "peer_group": Label("Kelompok sebanding", "Peer group"),
    "peers": Label("Jumlah instansi yang dibandingkan", "Institutions compared"),
    "best": Label("Peringkat terbaik yang mungkin (semua sekaligus)", "Best possible rank (all together)"),
    "worst": Label("Peringkat terendah yang mungkin (semua sekaligus)", "Worst possible rank (all together)"),
    "best_alone": Label("Peringkat terbaik yang mungkin (instansi ini saja)", "Best possible rank (this one alone)"),
    "worst_alone": Label("Peringkat terendah yang mungkin (instansi ini saja)", "Worst possible rank (this one alone)"),
    "series": Label("Skor yang dimodelkan", "Score that is modelled"),
    "published": Label("Angka yang diterbitkan", "Published figure"),
    "noise_sd": Label("Gejolak acak (simpangan baku)", "Noise (standard deviation)"),
    "lasting": Label("Tingkat yang menetap", "Lasting level"),
    "lasting_low": Label("Tingkat yang menetap, batas bawah", "Lasting level, lower limit"),
    "lasting_high": Label("Tingkat yang menetap, batas atas", "Lasting level, upper limit"),
    "current": Label("Angka tanpa gejolak acak", "Figure without noise"),
    "current_low": Label("Angka tanpa gejolak acak, batas bawah", "Figure without noise, lower limit"),
    "current_high": Label("Angka tanpa gejolak acak, batas atas", "Figure without noise, upper limit"),
    "before": Label("Tahun sebelumnya", "Year before"),
    "n_acting": Label("Instansi yang bertindak", "Institutions that acted"),
    "n_others": Label("Instansi pembanding", "Institutions compared with"),
    "gain": Label("Kenaikan di luar perkiraan", "Gain beyond what is expected"),
    "detectable": Label("Kenaikan terkecil yang dapat terlihat", "Smallest gain that can be found"),
    "before_low": Label("Batas bawah setahun sebelumnya", "Lower limit of the year before"),
    "before_high": Label("Batas atas setahun sebelumnya", "Upper limit of the year before"),
    "outcome": Label("Kesimpulan", "Outcome"),
    "number": Label("Banyaknya", "Number"),
    "on": Label("Tanggal", "Date"),
    "reason": Label("Alasan", "Reason"),
    "detail": Label("Rincian", "Detail"),
    "expected": Label("Perkiraan menurut tahun-tahun sebelumnya", "Expected by the years before"),
    "expected_low": Label("Batas bawah perkiraan", "Lower limit of what is expected"),
    "expected_high": Label("Batas atas perkiraan", "Upper limit of what is expected"),
    "chance": Label("Peluang naik", "Chance of a rise"),
    "beyond": Label("Di luar perkiraan", "Beyond what is expected"),
    "outside": Label("Di luar batas perkiraan", "Outside the limits of what is expected"),
    "after": Label("Tahun terakhir", "Last year"),
    "own_move": Label("Perubahan sendiri (di luar perubahan jenisnya)", "Own move (less that of the type)"),
    "noise_limit": Label("Batas perubahan karena gejolak acak saja", "Limit of a move by noise alone"),
    "p_value": Label("Nilai p", "p value"),
    "q_value": Label("Nilai p disesuaikan (Benjamini-Hochberg)", "Adjusted p value (Benjamini-Hochberg)"),
    "stands_out": Label("Menonjol dari gejolak acak", "Stands out from noise"),
    "carried": Label("Perubahan sendiri tanpa gejolak acak", "Own move without noise"),
    "carried_low": Label("Perubahan sendiri tanpa gejolak acak, batas bawah", "Own move without noise, lower limit"),
    "carried_high": Label("Perubahan sendiri tanpa gejolak acak, batas atas", "Own move without noise, upper limit"),
    "common_move": Label("Perubahan rata-rata jenis instansi", "Mean move of the type"),
    "method": Label("Cara memperkirakan", "Rule of prediction"),
    "log_score": Label("Skor log (rata-rata log kepadatan)", "Log score (mean log density)"),
    "coverage": Label("Persentase rentang yang memuat angka KPK", "Share of intervals that hold the published figure"),
    "width": Label("Lebar rentang", "Width of the interval"),
    "rmse": Label("Akar rata-rata kuadrat galat", "Root mean square error"),
}

_TENURE = {
    "under_1": Label("Kurang dari 1 tahun", "Under 1 year"),
    "1_to_2": Label("1 sampai kurang dari 2 tahun", "1 to under 2 years"),
    "2_to_5": Label("2 sampai kurang dari 5 tahun", "2 to under 5 years"),
    "5_to_10": Label("5 sampai kurang dari 10 tahun", "5 to under 10 years"),
    "10_to_20": Label("10 sampai kurang dari 20 tahun", "10 to under 20 years"),
    "from_20": Label("20 tahun atau lebih", "20 years or more"),
}
VALUES: dict[str, dict[str, Label]] = {
    "source": {
        "internal": Label("Internal (pegawai)", "Internal (employees)"),
        "external": Label("Eksternal (pengguna layanan)", "External (service users)"),
        "expert": Label("Eksper (narasumber ahli)", "Experts"),
    },
    "position_class": {
        "top_official": Label("Pimpinan tertinggi", "Top official"),
        "structural": Label("Pejabat struktural", "Structural official"),
        "functional": Label("Pejabat fungsional", "Functional official"),
        "staff": Label("Pelaksana", "Staff"),
        "non_asn": Label("Non-ASN", "Non-ASN"),
    },
    "sex": {
        "female": Label("Perempuan", "Female"),
        "male": Label("Laki-laki", "Male"),
        "unknown": Label("Tidak diketahui", "Unknown"),
    },
    "tenure_band": _TENURE,
    "unit_tenure_band": _TENURE,
    "age_group": {"unknown": Label("Tidak diketahui", "Unknown")},
    "expert_group": {
        "auditor": Label("Auditor", "Auditor"),
        "ombudsman": Label("Ombudsman", "Ombudsman"),
        "journalist": Label("Jurnalis", "Journalist"),
        "academic": Label("Akademisi", "Academic"),
        "ngo": Label("LSM", "Civil society"),
        "business": Label("Asosiasi usaha", "Business association"),
        "retired_official": Label("Purnatugas", "Retired official"),
        "other": Label("Lainnya", "Other"),
    },
    "nominator": {
        "institution": Label("Instansi", "The institution"),
        "commission": Label("KPK", "The commission"),
    },
    "stream": {
        "list": Label("Daftar populasi", "Population list"),
        "self_registered": Label("Pendaftaran mandiri (QR)", "Self-registered (QR)"),
    },
    "frame_status": {"clean": Label("Bersih", "Clean"), "flagged": Label("Diberi catatan", "Flagged")},
    "channels": {
        "whatsapp": Label("WhatsApp", "WhatsApp"),
        "email": Label("Surel", "E-mail"),
        "whatsapp+email": Label("WhatsApp dan surel", "WhatsApp and e-mail"),
    },
    "channel": {
        "whatsapp": Label("WhatsApp", "WhatsApp"),
        "email": Label("Surel", "E-mail"),
        "sms": Label("SMS", "Text message (SMS)"),
        "telephone": Label("Telepon", "Telephone"),
        "face_to_face": Label("Tatap muka", "Face to face"),
        "web": Label("Situs kuesioner", "Questionnaire's site"),
        "register": Label("Daftar keberatan", "Register of objections"),
    },
    "mode": {
        "web": Label("Mengisi sendiri lewat web", "Web, filled in alone"),
        "telephone": Label("Wawancara telepon", "Telephone interview"),
        "face_to_face": Label("Wawancara tatap muka", "Face-to-face interview"),
    },
    "arm": {
        "list_short": Label("Daftar pendek", "Short list"),
        "list_long": Label("Daftar panjang", "Long list"),
        "crosswise": Label("Pertanyaan silang", "Crossed question"),
    },
    "form": {
        "usual": Label("Urutan biasa", "Usual order"),
        "reversed": Label("Urutan terbalik", "Reversed order"),
    },
    "change": {
        "opted_out": Label("Minta tidak dihubungi lagi", "Opted out"),
        "new_phone": Label("Nomor telepon baru", "New phone number"),
        "new_email": Label("Alamat surel baru", "New e-mail address"),
    },
    "scope": {"round": Label("Putaran ini", "This round"), "all": Label("Semua putaran", "All rounds")},
    "reported_by": {
        "person": Label("Orang itu sendiri", "The person"),
        "institution": Label("Instansi", "The institution"),
        "vendor": Label("Pelaksana pengiriman", "The sender"),
        "operator": Label("Operator", "The operator"),
    },
    "disposition": {
        "I": Label("Lengkap", "Complete"),
        "P": Label("Sebagian", "Partial"),
        "R": Label("Menolak atau berhenti", "Refusal or break-off"),
        "NC": Label("Tidak dapat dihubungi", "Non-contact"),
        "O": Label("Nonrespons lain", "Other nonresponse"),
        "UH": Label("Kelayakan tak diketahui (rumah tangga)", "Unknown eligibility, household"),
        "UO": Label("Kelayakan tak diketahui", "Unknown eligibility"),
        "NE": Label("Tidak memenuhi syarat", "Not eligible"),
    },
    "event": {
        "sent": Label("Terkirim", "Sent"),
        "delivered": Label("Diterima", "Delivered"),
        "read": Label("Dibaca", "Read"),
        "started": Label("Mulai mengisi", "Started"),
        "completed": Label("Selesai", "Completed"),
        "refused": Label("Menolak", "Refused"),
        "opted_out": Label("Minta tidak dihubungi lagi", "Opted out"),
        "invalid_number": Label("Nomor tidak berlaku", "Invalid number"),
        "ineligible": Label("Tidak memenuhi syarat", "Ineligible"),
    },
    "type": {
        "kementerian": Label("Kementerian", "Ministry"),
        "lembaga": Label("Lembaga", "Agency"),
        "provinsi": Label("Provinsi", "Province"),
        "kota": Label("Kota", "City"),
        "kabupaten": Label("Kabupaten", "Regency"),
        "bumn": Label("BUMN", "State-owned enterprise"),
        "nasional": Label("Nasional", "National"),
    },
    "size_class": {
        "besar": Label("Besar", "Large"),
        "sedang": Label("Sedang", "Medium"),
        "kecil": Label("Kecil", "Small"),
    },
    "status": {
        "shown": Label("Ditampilkan", "Shown"),
        "suppressed": Label("Disembunyikan", "Hidden"),
        "withheld": Label("Ditahan", "Withheld"),
        "no_answers": Label("Tidak ada jawaban", "No answers"),
    },
    "follow_up": {
        "not_started": Label("Belum dimulai", "Not started"),
        "in_progress": Label("Sedang berjalan", "Under way"),
        "done": Label("Selesai", "Done"),
    },
    "part_kind": {
        "whole": Label("Keseluruhan", "The whole"),
        "dimension": Label("Dimensi", "Dimension"),
        "item": Label("Butir pertanyaan", "Item"),
        "source": Label("Sumber responden", "Source of respondents"),
        "component": Label("Komponen lain", "Other component"),
        "correction": Label("Koreksi", "Correction"),
        "contribution": Label("Sumbangan lain", "Other contribution"),
        "category": Label("Kategori", "Category"),
        "target": Label("Target", "Target"),
        "assumption": Label("Anggapan", "Assumption"),
    },
    "domain_kind": {
        "all": Label("Semua", "All"),
        "unit": Label("Unit kerja", "Unit"),
        "position_class": Label("Kelompok jabatan", "Position class"),
    },
    "denominator": {
        "respondents": Label("dari semua responden", "of all respondents"),
        "contacts": Label("dari yang pernah berurusan", "of those with contact"),
    },
    "measure": {
        "index": Label("Indeks", "Index"),
        "index_without_panel_variance": Label(
            "Indeks, skor eksper dianggap pasti", "Index, experts' score taken as certain"
        ),
        "index_panel_reading": Label("Indeks, eksper dibaca sebagai panel", "Index, drawn experts read as a panel"),
        "index_part": Label("Poin", "Points"),
        "index_variance_share": Label("Sumbangan pada ragam indeks", "Share of the index's variance"),
        "index_change": Label("Perubahan sejak", "Change since"),
        "index_previous": Label("Indeks tahun", "Index of the year"),
        "index_previous_noise": Label(
            "Galat baku yang dipakai untuk indeks terbitan", "Standard error taken for the published index"
        ),
        "change_source": Label("Bagian perubahan, sumber", "Part of the change, source"),
        "change_dimension": Label("Bagian perubahan, dimensi", "Part of the change, dimension"),
        "change_weights": Label("Bagian perubahan", "Part of the change"),
        "change_correction": Label("Bagian perubahan, koreksi", "Part of the change, correction"),
        "change_component": Label("Bagian perubahan, komponen lain", "Part of the change, other component"),
        "change_unexplained": Label("Bagian perubahan", "Part of the change"),
        "dimension_change": Label("Perubahan skor dimensi sejak", "Change of the dimension's score since"),
        "item_change": Label(
            "Perubahan persentase jawaban baik sejak", "Change of the share of favourable answers since"
        ),
        "category_probability": Label("Peluang kategori", "Chance of category"),
        "target_probability": Label("Peluang mencapai target", "Chance to reach the target"),
        "change_probability": Label("Peluang naik sejak", "Chance of a rise since"),
        "index_repeated": Label("Indeks bila survei diulang", "Index if the survey were done again"),
        "nominator_difference": Label(
            "Beda skor eksper usulan instansi dari usulan KPK",
            "Experts named by the institution against those of the commission",
        ),
        "source_score": Label("Skor sumber", "Source score"),
        "dimension_score": Label("Skor dimensi", "Dimension score"),
        "unit_score": Label("Skor unit", "Unit score"),
        "unit_difference": Label("Selisih unit dari seluruh sumber", "Unit minus the whole source"),
        "unit_score_model": Label("Skor unit menurut model", "Unit score by the model"),
        "class_score": Label("Skor kelompok jabatan", "Position-class score"),
        "class_difference": Label(
            "Selisih kelompok jabatan dari seluruh sumber", "Position class minus the whole source"
        ),
        "experience_rate": Label("Persentase yang mengalami", "Experience rate"),
        "list_rate": Label("Persentase menurut daftar", "Rate by the lists"),
        "list_gap": Label("Tidak mengaku bila ditanya langsung (daftar)", "Not admitted when asked directly (lists)"),
        "crosswise_rate": Label("Persentase menurut pertanyaan silang", "Rate by the crossed question"),
        "crosswise_gap": Label(
            "Tidak mengaku bila ditanya langsung (silang)", "Not admitted when asked directly (crossed)"
        ),
        "climate_rate": Label("Sikap terhadap melapor", "Attitude to reporting"),
        "item_favourable": Label("Persentase jawaban baik", "Share of favourable answers"),
        "item_neutral": Label("Persentase jawaban di tengah", "Share of neutral answers"),
        "item_unfavourable": Label("Persentase jawaban buruk", "Share of unfavourable answers"),
    },
    "category": {
        "sangat_rentan": Label("Sangat Rentan", "Very vulnerable"),
        "rentan": Label("Rentan", "Vulnerable"),
        "waspada": Label("Waspada", "Watchful"),
        "terjaga": Label("Terjaga", "Guarded"),
    },
    "direction": {
        "up": Label("naik", "rise"),
        "down": Label("turun", "fall"),
        "no_clear_change": Label("tidak jelas berubah", "no clear change"),
    },
    "basis": {
        "published": Label("diterbitkan KPK", "published by KPK"),
        "this_round": Label("survei ini", "this round"),
        "this_round_generated": Label("survei ini (data buatan)", "this round (generated data)"),
        "minus_published": Label("survei ini dikurangi angka KPK", "this round minus the published one"),
        "both_rounds": Label("dari jawaban kedua survei", "from the answers of both rounds"),
    },
    "target": {
        "national": Label("nasional", "national"),
        "national_2": Label("nasional, menurut sumber kedua", "national, by a second source"),
        "local": Label("daerah", "local"),
        "local_2": Label("daerah, menurut sumber kedua", "local, by a second source"),
    },
    "task": {
        "people_missing": Label(
            "Ada orang yang belum terdaftar: mintalah daftar lengkap kepada unit",
            "People are missing: ask the unit for the full list",
        ),
        "too_many_people": Label(
            "Lebih banyak daripada jumlah yang diketahui: keluarkan yang sudah pindah atau berhenti",
            "More people than known: take out who has left",
        ),
        "no_contact": Label(
            "Tidak ada nomor atau alamat yang dapat dipakai: lengkapi",
            "No usable number or address: add one",
        ),
        "listed_twice": Label(
            "Orang yang sama tercatat dua kali: sisakan satu baris",
            "The same person twice: keep one row",
        ),
        "shared_contact": Label(
            "Satu kontak untuk beberapa orang: isi kontak masing-masing",
            "One contact for several people: give everyone their own",
        ),
        "cells_missing": Label(
            "Nama, unit, atau jabatan kosong: lengkapi",
            "Name, unit or position is missing: fill in",
        ),
        "also_listed": Label(
            "Juga ada di daftar lain: pastikan sebagai apa orang itu akan ditanya",
            "Also on another list: check in which role they are to be asked",
        ),
        "no_whatsapp": Label(
            "Banyak yang tanpa nomor WhatsApp: lengkapi nomornya",
            "Many without a WhatsApp number: add numbers",
        ),
        "no_email": Label(
            "Banyak yang tanpa alamat surel: lengkapi alamatnya",
            "Many without an e-mail address: add addresses",
        ),
        "few_people": Label(
            "Sedikit orang dengan kontak yang dapat dipakai: periksa apakah daftarnya lengkap",
            "Few people with a usable contact: check whether the list is complete",
        ),
    },
    "part": {
        "internal_unit": Label("Pegawai: unit", "Employees: units"),
        "external_unit": Label("Pengguna layanan: unit", "Service users: units"),
        "internal_rate": Label("Pegawai: tingkat pengalaman", "Employees: experience rates"),
        "external_rate": Label("Pengguna layanan: tingkat pengalaman", "Service users: experience rates"),
        "internal": Label("Internal", "Internal"),
        "external": Label("Eksternal", "External"),
        "expert": Label("Eksper", "Experts"),
        "correction_conduct": Label("Koreksi pelaksanaan survei", "Correction: survey conduct"),
        "correction_facts": Label("Koreksi fakta korupsi", "Correction: facts of corruption"),
        "correction_other": Label(
            "Koreksi ketiga (2022; tidak dinamai KPK)", "Third correction (2022; not named by the commission)"
        ),
        "weights": Label("Perubahan bobot", "Change of weights"),
        "unexplained": Label("Tidak terjelaskan", "Unexplained"),
        "same_design": Label("seperti pada putaran ini", "as in this round"),
        "own": Label("galatnya sendiri", "its own errors"),
        "model": Label("menurut model tahun-tahun terbitan", "by the model of the published years"),
        "index": Label("Indeks", "Index"),
    },
}


class Measure(NamedTuple):
    """What identifies the figures of a measure in the table ``estimates``: of whom, of what, compared with when.

    ``parts``: kinds that ``part`` may be of; ``domain``: kind of ``domain``. A column that a measure does not have is
    empty in its rows.
    """

    parts: tuple[str, ...] = ("whole",)
    domain: str = "all"
    has_source: bool = False
    has_denominator: bool = False
    has_reference_year: bool = False


OF_INDEX = ("source", "component", "correction")
MEASURES: dict[str, Measure] = {
    "index": Measure(),
    "index_without_panel_variance": Measure(),
    "index_panel_reading": Measure(),
    "index_part": Measure(OF_INDEX),
    "index_variance_share": Measure(OF_INDEX),
    "index_change": Measure(has_reference_year=True),
    "index_previous": Measure(has_reference_year=True),
    "index_previous_noise": Measure(("assumption",), has_reference_year=True),
    "change_source": Measure(("source",), has_reference_year=True),
    "change_dimension": Measure(("dimension",), has_source=True, has_reference_year=True),
    "change_weights": Measure(("contribution",), has_reference_year=True),
    "change_correction": Measure(("correction",), has_reference_year=True),
    "change_component": Measure(("component",), has_reference_year=True),
    "change_unexplained": Measure(("contribution",), has_reference_year=True),
    "dimension_change": Measure(("dimension",), has_source=True, has_reference_year=True),
    "item_change": Measure(("item",), has_source=True, has_reference_year=True),
    "category_probability": Measure(("category",)),
    "target_probability": Measure(("target",)),
    "change_probability": Measure(has_reference_year=True),
    "index_repeated": Measure(),
    "source_score": Measure(has_source=True),
    "nominator_difference": Measure(has_source=True),
    "dimension_score": Measure(("dimension",), has_source=True),
    "unit_score": Measure(domain="unit", has_source=True),
    "unit_difference": Measure(domain="unit", has_source=True),
    "unit_score_model": Measure(domain="unit", has_source=True),
    "class_score": Measure(domain="position_class", has_source=True),
    "class_difference": Measure(domain="position_class", has_source=True),
    "experience_rate": Measure(("item",), has_source=True, has_denominator=True),
    "list_rate": Measure(("item",), has_source=True),
    "list_gap": Measure(("item",), has_source=True),
    "crosswise_rate": Measure(("item",), has_source=True),
    "crosswise_gap": Measure(("item",), has_source=True),
    "climate_rate": Measure(("item",), has_source=True),
    "item_favourable": Measure(("item",), has_source=True),
    "item_neutral": Measure(("item",), has_source=True),
    "item_unfavourable": Measure(("item",), has_source=True),
}
