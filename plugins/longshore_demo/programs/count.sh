# Count the flights of one airport. What it hands back is the environment of the next program.
#   in:  AIRPORT; FILE, a CSV file
#   out: AIRPORT, FILE, FLIGHTS, CANCELLED (no departure), BUSIEST (the day with most flights)
{
    echo "AIRPORT=$AIRPORT"
    echo "FILE=$FILE"
    awk -F, '
        NR == 1 { next }
        {
            flights++
            if ($4 == "" || $4 == "NA") cancelled++
            day = sprintf("%04d-%02d-%02d", $1, $2, $3)
            n = ++days[day]
            if (n > most || (n == most && day < busiest)) { most = n; busiest = day }
        }
        END {
            print "FLIGHTS=" flights
            print "CANCELLED=" cancelled + 0
            print "BUSIEST=" busiest
        }
    ' "$FILE"
} >> "$LONGSHORE_OUTPUTS"

echo "counted $AIRPORT"
