//! Tries a parked aggregate again: takes what its stream holds into its row and lets it go on, or parks it at the event that can't
//! be read now. For after a mend: a version that reads the event, a key that was put back.

use store::{
    Journal, Position, Recorded, StoreError, StreamId,
    views::{Statement, Statements, Views, Work},
};

use crate::{
    ReadModel, SessionRow, UserRow,
    parked::{self, Parked},
    read_model::Outcome,
    rebuild,
    rows::Rows,
    shelf::{self, Shelf},
};

#[derive(Debug, thiserror::Error)]
pub enum RetryError {
    #[error(transparent)]
    Log(#[from] StoreError),
    #[error("the database of the read models can't be used")]
    Views(#[from] sqlx::Error),
}

/// Tries one again. Answers whether it goes on.
pub async fn retry(journal: &Journal, views: &Views, parked: &Parked) -> Result<bool, RetryError> {
    let stream = StreamId::named(parked.stream.clone());
    if parked.projection == SessionRow::NAME {
        retry_in::<SessionRow>(journal, views, &stream).await
    } else {
        retry_in::<UserRow>(journal, views, &stream).await
    }
}

async fn retry_in<M: ReadModel>(
    journal: &Journal,
    views: &Views,
    stream: &StreamId,
) -> Result<bool, RetryError> {
    loop {
        let head = journal.log().head().await?;
        let events = journal.log().read_stream(stream, 0).await?;
        let outcomes = journal.decode_all::<M::Aggregate>(&events.iter().collect::<Vec<_>>()).await?;
        let mut work = views.begin().await?;
        // From here on the projector stands still: what it has taken without this aggregate is taken into the row.
        rebuild::hold(&mut work).await?;
        let place = shelf::place(&mut work, M::NAME).await?;
        if place > head {
            continue;
        }
        let goes_on = go_on::<M>(&mut work, (stream, place), events.iter().zip(outcomes)).await?;
        work.commit().await?;
        return Ok(goes_on);
    }
}

async fn go_on<M: ReadModel>(
    work: &mut Work<'static>,
    (stream, place): (&StreamId, Position),
    events: impl Iterator<Item = (&Recorded, Outcome<M>)>,
) -> Result<bool, sqlx::Error> {
    const FREE: &str = "delete from parked where projection = $1 and stream = $2 returning parked_at";
    const SINCE: &str = "update parked set parked_at = $3 where projection = $1 and stream = $2";
    let which = [M::NAME.into(), stream.as_str().into()];
    let freed = work.rows(Statement::new(FREE, &which)).await?;
    let since = freed.into_iter().next().map(|mut row| row.number()).transpose()?;
    let (events, outcomes): (Vec<_>, Vec<_>) = events.filter(|(event, _)| event.position <= place).unzip();
    let mut rows = Rows::<M>::of(Shelf::Live);
    rows.take(work, &events, outcomes).await?;
    rows.save(work).await?;
    if let Some(since) = since {
        // It has waited all the while.
        let [projection, name] = which;
        work.run(Statement::new(SINCE, &[projection, name, since.into()])).await?;
    }
    Ok(parked::among(work, Shelf::Live, M::NAME, &[stream.as_str()]).await?.is_empty())
}
