//! Strict lossless JSON: parsing within limits, exact numbers, canonical form, digests.
