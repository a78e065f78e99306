# Take the flights of one day out of a year's.
#   in:  FLIGHTS, a CSV file; MONTH and DAY; FOLDER, where to write
#   out: FILE, the day's flights, and how many there are, FLOWN
file="$FOLDER/2013-$MONTH-$DAY.csv"
awk -F, -v file="$file" '
    NR == 1 || ($2 == ENVIRON["MONTH"] && $3 == ENVIRON["DAY"]) { print > file; rows++ }
    END { print "FILE=" file; print "FLOWN=" rows - 1 }
' "$FLIGHTS" >> "$LONGSHORE_OUTPUTS"
