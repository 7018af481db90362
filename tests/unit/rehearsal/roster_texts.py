"""Two tiny problems, one of each published format."""

CURTOIS = """SECTION_HORIZON
7
SECTION_SHIFTS
D,480,
N,480,D
SECTION_STAFF
A,D=7|N=2,2400,960,5,2,2,1
B,D=7|N=7,2400,960,5,1,1,1
SECTION_DAYS_OFF
A,0
SECTION_SHIFT_ON_REQUESTS
B,2,D,3
SECTION_SHIFT_OFF_REQUESTS
A,4,N,5
SECTION_COVER
0,D,1,100,1
1,D,1,100,1
2,D,1,100,1
3,D,1,100,1
4,N,1,100,1
5,D,0,100,1
6,N,0,100,1
"""

INRC = """SCHEDULING_PERIOD;
tiny, 2010-01-01, 2010-01-07;
SKILLS = 2;
Nurse;
Head;
SHIFT_TYPES = 2;
D, Day, 08:30:00, 16:30:00, 1, Nurse;
N, Night, 22:30:00, 06:30:00, 1, Head;
CONTRACTS = 1;
0, full, (1|1), (1|2|4), (1|2|2), (1|3|2), (1|3|2), (1|5|3), (1|5|2), (0|9|3), (0|0|2), (0|0|0), \
SaturdaySunday, (1|10), (1|7), (1|4), (0|0), (1|6), 1, 0;
PATTERNS = 1;
0, 8, 2 (N|Any) (D|Any);
EMPLOYEES 2;
0, 0, 0, 2, Nurse Head;
1, 1, 0, 1, Nurse;
DAY_OF_WEEK_COVER = 14;
Monday, D, 1;
Monday, N, 1;
Tuesday, D, 1;
Tuesday, N, 1;
Wednesday, D, 1;
Wednesday, N, 1;
Thursday, D, 0;
Thursday, N, 1;
Friday, D, 0;
Friday, N, 0;
Saturday, D, 1;
Saturday, N, 0;
Sunday, D, 0;
Sunday, N, 0;
DATE_SPECIFIC_COVER = 1;
2010-01-05, D, 2;
DAY_OFF_REQUESTS = 1;
0, 2010-01-02, 2;
DAY_ON_REQUESTS = 0;
SHIFT_OFF_REQUESTS = 1;
1, 2010-01-03, N, 3;
SHIFT_ON_REQUESTS = 0;
"""
