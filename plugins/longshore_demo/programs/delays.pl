# Find the carrier whose flights from one airport left latest on average, and how late they all left.
#   in:  AIRPORT, FILE (from count.sh)
#   out: one JSON object
use strict;
use warnings;

my ($airport, $file) = @ENV{qw(AIRPORT FILE)};
open my $flights, '<', $file or die "cannot open $file: $!\n";
<$flights>;    # the header

my ($late, $departed, %late, %departed) = (0, 0);
while (<$flights>) {
    my ($delay, $carrier) = (split /,/)[5, 9];
    next if $delay eq '' or $delay eq 'NA';
    $late += $delay;
    $late{$carrier} += $delay;
    $departed++;
    $departed{$carrier}++;
}

my %mean = map { $_ => $late{$_} / $departed{$_} } keys %departed;
my ($worst) = sort { $mean{$b} <=> $mean{$a} || $a cmp $b } keys %mean;

open my $outputs, '>>', $ENV{LONGSHORE_OUTPUTS} or die "cannot write outputs: $!\n";
printf $outputs qq({"airport": "%s", "minutes_late": %.2f, "worst_carrier": "%s", "its_minutes_late": %.2f}\n),
    $airport, $late / $departed, $worst, $mean{$worst};

printf "%s: %.1f minutes late on average, %s worst with %.1f\n", $airport, $late / $departed, $worst, $mean{$worst};
