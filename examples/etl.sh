#!/bin/sh
# The whole job as a shell script: preview, load, wait, export, report.
#
#   examples/etl.sh SOURCE NAME MAX_CREDITS FOLDER [input options of `tokfluence preview`]
#
# It spends MAX_CREDITS on the load at most. Run again after an interruption, it goes on where it stopped:
# the load file in FOLDER knows what was bought, and nothing is bought twice. Each run adds to events.ndjson.
set -eu

if [ $# -lt 4 ]; then
    echo "usage: etl.sh SOURCE NAME MAX_CREDITS FOLDER [input options]" >&2
    exit 2
fi
source=$1 name=$2 cap=$3 folder=$4
shift 4
load=$folder/load.tokload
mkdir -p "$folder"

# Exit code 3 says that it is done, though some rows were not accepted: the report shows which.
done_or_rejects() {
    "$@" || { code=$?; [ "$code" -eq 3 ] || exit "$code"; }
}

if [ ! -e "$load" ]; then
    tokfluence preview "$source" --name "$name" --save "$load" "$@"
fi
done_or_rejects tokfluence resume "$load" --max-credits "$cap" --yes --events "$folder/events.ndjson"
tokfluence wait "$load" --timeout 3600 --max-credits 50
tokfluence export "$load" posts -o "$folder/posts.csv"
tokfluence export "$load" influencers -o "$folder/influencers.csv"
tokfluence export "$load" metrics -o "$folder/metrics.jsonl"
tokfluence report "$load" -o "$folder/report.html" --results
