# Split the flights of a year by the airport they left from.
#   in:  FLIGHTS, a CSV file; FOLDER, where to write
#   out: ROWS, and for each airport a file of its flights: EWR=.../EWR.csv
awk -F, '
    NR == 1 { header = $0; next }
    {
        file = ENVIRON["FOLDER"] "/" $13 ".csv"
        if (!($13 in files)) { files[$13] = file; print header > file }
        print > file
        rows++
    }
    END {
        print "ROWS=" rows
        for (airport in files) print airport "=" files[airport]
    }
' "$FLIGHTS" >> "$LONGSHORE_OUTPUTS"

echo "split $(basename "$FLIGHTS")"
