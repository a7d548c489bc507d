// SPDX-License-Identifier: Apache-2.0
//! Which of our statuses an error of the crate is. What is not known to be harmless is PH_CQL_FAILED.

use scylla::errors::{
    ConnectionError, ConnectionPoolError, ConnectionSetupRequestErrorKind, DbError, ExecutionError, MetadataError,
    MetadataFetchErrorKind, NewSessionError, NextPageError, NextRowError, PrepareError, RequestAttemptError,
    RequestError, WriteType,
};

use crate::ffi::Status;

/// An error as C sees it.
#[derive(Debug)]
pub struct Failure {
    pub status: Status,
    pub text: String,
    /// Of a timeout: it was one of consensus.
    pub is_serial: bool,
}

impl Failure {
    pub fn new(status: Status, text: impl Into<String>) -> Failure {
        Failure { status, text: text.into(), is_serial: false }
    }
}

/// IS_SERIAL: the request took part in consensus, by its text or its consistency level. IS_UNSURE: an attempt before the
/// last may have been done, so nothing can be said to have changed nothing.
pub fn of_execution(error: &ExecutionError, is_serial: bool, is_unsure: bool) -> Failure {
    let mut status = match error {
        ExecutionError::BadQuery(_) => Status::Invalid,
        ExecutionError::EmptyPlan => Status::Unavailable,
        ExecutionError::PrepareError(error) => of_prepare(error).status,
        ExecutionError::ConnectionPoolError(error) => of_pool(error),
        ExecutionError::LastAttemptError(error) => of_attempt(error),
        ExecutionError::RequestTimeout(_) => Status::Timeout,
        _ => Status::Failed,
    };
    let is_serial = status == Status::Timeout
        && match error {
            ExecutionError::LastAttemptError(RequestAttemptError::DbError(error, _)) => is_consensus(error),
            _ => is_serial,
        };
    if is_unsure && matches!(status, Status::Unavailable | Status::Overloaded) {
        status = Status::Failed;
    }
    Failure { status, text: error.to_string(), is_serial }
}

pub fn of_prepare(error: &PrepareError) -> Failure {
    let status = match error {
        PrepareError::ConnectionPoolError(error) => of_pool(error),
        PrepareError::AllAttemptsFailed { first_attempt } => of_attempt(first_attempt),
        _ => Status::Failed,
    };
    let text = match error {
        PrepareError::AllAttemptsFailed { first_attempt } => first_attempt.to_string(),
        _ => error.to_string(),
    };
    Failure::new(status, text)
}

pub fn of_connect(error: &NewSessionError) -> Failure {
    let status = match error {
        NewSessionError::FailedToResolveAnyHostname(_) => Status::Unavailable,
        NewSessionError::EmptyKnownNodesList | NewSessionError::IllegalConfig(_) => Status::Invalid,
        NewSessionError::MetadataError(error) => match error {
            MetadataError::ConnectionPoolError(error) => of_pool(error),
            MetadataError::FetchError(error) => match &error.error {
                MetadataFetchErrorKind::PrepareError(error) => of_attempt(error),
                MetadataFetchErrorKind::NextRowError(NextRowError::NextPageError(NextPageError::RequestFailure(
                    RequestError::LastAttemptError(error),
                ))) => of_attempt(error),
                _ => Status::Unavailable,
            },
            _ => Status::Failed,
        },
        _ => Status::Failed,
    };
    // What stands around the reason says nothing more, and the text is cut at its end.
    let text = error.to_string();
    let reason = text.rsplit("Last connection failed with: ").next().unwrap_or(&text);
    Failure::new(status, reason)
}

fn of_pool(error: &ConnectionPoolError) -> Status {
    let ConnectionPoolError::Broken { last_connection_error: ConnectionError::ConnectionSetupRequestError(error) } =
        error
    else {
        return Status::Unavailable;
    };
    match error.get_error() {
        ConnectionSetupRequestErrorKind::MissingAuthentication => Status::Denied,
        ConnectionSetupRequestErrorKind::DbError(error, _) => of_answer(error),
        _ => Status::Unavailable,
    }
}

fn of_attempt(error: &RequestAttemptError) -> Status {
    match error {
        RequestAttemptError::SerializationError(_) | RequestAttemptError::CqlRequestSerialization(_) => Status::Invalid,
        RequestAttemptError::UnableToAllocStreamId => Status::Overloaded,
        RequestAttemptError::DbError(error, _) => of_answer(error),
        _ => Status::Failed,
    }
}

fn of_answer(error: &DbError) -> Status {
    match error {
        DbError::SyntaxError
        | DbError::Invalid
        | DbError::AlreadyExists { .. }
        | DbError::FunctionFailure { .. }
        | DbError::ConfigError
        | DbError::ProtocolError => Status::Invalid,
        DbError::AuthenticationError | DbError::Unauthorized => Status::Denied,
        DbError::Unavailable { .. } | DbError::IsBootstrapping => Status::Unavailable,
        DbError::Overloaded | DbError::RateLimitReached { .. } => Status::Overloaded,
        DbError::ReadTimeout { .. } | DbError::WriteTimeout { .. } => Status::Timeout,
        _ => Status::Failed,
    }
}

fn is_consensus(error: &DbError) -> bool {
    match error {
        DbError::ReadTimeout { consistency, .. } => consistency.is_serial(),
        DbError::WriteTimeout { consistency, write_type, .. } => {
            *write_type == WriteType::Cas || consistency.is_serial()
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use scylla::statement::Consistency;
    use std::time::Duration;

    fn answered(error: DbError) -> ExecutionError {
        ExecutionError::LastAttemptError(RequestAttemptError::DbError(error, "why".into()))
    }

    fn write_timeout(write_type: WriteType) -> ExecutionError {
        answered(DbError::WriteTimeout { consistency: Consistency::LocalQuorum, received: 1, required: 2, write_type })
    }

    #[test]
    fn timeouts_of_consensus_are_told_apart() {
        let cas = of_execution(&write_timeout(WriteType::Cas), true, false);
        assert_eq!((cas.status, cas.is_serial), (Status::Timeout, true));
        // The write after the consensus of a conditional statement.
        let simple = of_execution(&write_timeout(WriteType::Simple), true, false);
        assert_eq!((simple.status, simple.is_serial), (Status::Timeout, false));
        let read = answered(DbError::ReadTimeout {
            consistency: Consistency::LocalSerial,
            received: 0,
            required: 1,
            data_present: false,
        });
        assert!(of_execution(&read, true, false).is_serial);
        let ours = ExecutionError::RequestTimeout(Duration::from_secs(5));
        assert!(of_execution(&ours, true, false).is_serial);
        assert!(!of_execution(&ours, false, false).is_serial);
    }

    #[test]
    fn nothing_is_said_to_be_unchanged_after_an_attempt_that_may_have_been_done() {
        let unavailable = || answered(DbError::Unavailable { consistency: Consistency::Quorum, required: 2, alive: 1 });
        assert_eq!(of_execution(&unavailable(), false, false).status, Status::Unavailable);
        assert_eq!(of_execution(&unavailable(), false, true).status, Status::Failed);
        assert_eq!(of_execution(&answered(DbError::Overloaded), false, false).status, Status::Overloaded);
        assert_eq!(of_execution(&ExecutionError::EmptyPlan, false, true).status, Status::Failed);
    }

    #[test]
    fn wrong_requests_and_denied_ones() {
        assert_eq!(of_execution(&answered(DbError::SyntaxError), false, false).status, Status::Invalid);
        assert_eq!(of_execution(&answered(DbError::Unauthorized), false, false).status, Status::Denied);
        let failed = of_execution(&answered(DbError::ServerError), false, false);
        assert_eq!(failed.status, Status::Failed);
        assert!(failed.text.contains("why"));
    }
}
