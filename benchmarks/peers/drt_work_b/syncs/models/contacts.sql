select lower(trim(Email)) as email, "First Name" as first_name, "Last Name" as last_name
from read_csv('contacts.csv', all_varchar = true)
where regexp_full_match(lower(trim(Email)), '[^@\s]+@[^@\s]+\.[^@\s]+')
